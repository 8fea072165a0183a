//! What the parties themselves do against an order: cancel it, dispute it, and show what is wrong.

use e2e::{
    Outcome,
    books::{Money, Story},
    lab::{Lab, PATIENCE, Trade},
};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use stack_client::{png::picture, session::Session, socket::text};
use uuid::Uuid;

use crate::CALM;

/// More than a request to the API holds.
const FILM: usize = 8 * 1024 * 1024;

async fn cancel(session: &Session, trade: &Trade) -> Outcome<Value> {
    let call = session.post(&format!("/api/orders/{}/cancel", trade.order), &json!({}));
    Ok(call.header("Idempotency-Key", "enough").send().await?)
}

/// What the trade's product has left, as everybody sees it.
async fn stock(trade: &Trade) -> Outcome<(u64, String)> {
    let order = trade.buyer.session.see_order(&trade.order).await?;
    let product = trade.seller.session.get(&format!("/api/products/{}", text(&order, "/productId"))).send().await?;
    let left = product.get("quantity").and_then(Value::as_u64).ok_or("a product without quantity")?;
    Ok((left, text(&product, "/status").to_owned()))
}

/// Does what a client does with a permission to upload.
async fn put(permitted: &Value, content: Vec<u8>) -> Outcome<u16> {
    let mut request = reqwest::Client::new().put(text(permitted, "/url"));
    for (name, value) in permitted.get("headers").and_then(Value::as_object).ok_or("no headers")? {
        request = request.header(name, value.as_str().unwrap_or_default());
    }
    Ok(request.body(content).send().await?.status().as_u16())
}

#[tokio::test]
async fn an_unpaid_order_that_its_buyer_cancels_gives_its_piece_back() -> Outcome<()> {
    let _calm = CALM.read().await;
    let lab = Lab::open()?;
    let trade = lab.trade().await?;
    assert_eq!(stock(&trade).await?, (0, "sold".to_owned()));
    let asked = cancel(&trade.buyer.session, &trade).await?;
    assert_eq!((text(&asked, "/status"), text(&asked, "/pending/action")), ("created", "cancel"));
    let cancelled = trade.seller.socket.wait_for_status(&trade.order, "cancelled", PATIENCE).await?;
    assert_eq!(cancelled.get("allowedMoves"), Some(&json!([])));
    assert_eq!(stock(&trade).await?, (1, "active".to_owned()));
    let late = trade.buyer.session.pay_by_mpesa(&trade.order).await.err().ok_or("a cancelled order was paid")?;
    assert_eq!(late.refusal(), Some((409, "order_state")));
    assert_eq!(lab.story(&trade).await?, Story::default());
    Ok(())
}

#[tokio::test]
async fn both_sides_of_a_dispute_show_what_is_wrong_and_the_contract_names_the_first_of_it() -> Outcome<()> {
    let _calm = CALM.read().await;
    let lab = Lab::open()?;
    let trade = lab.trade().await?;
    lab.pay(&trade).await?;
    trade.funded().await?;
    trade.seller.session.ship(&trade.order).await?;
    trade.buyer.socket.wait_for_status(&trade.order, "shipped", PATIENCE).await?;

    let path = |tail: &str| format!("/api/orders/{}/{tail}", trade.order);
    let photo = reqwest::multipart::Part::bytes(picture(Uuid::new_v4().as_u128())).file_name("hole.png");
    let form = reqwest::multipart::Form::new().text("reason", "It leaks.").text("description", "The hole");
    let raise = trade.buyer.session.upload(&path("dispute"), form.part("file", photo));
    let raised = raise.header("Idempotency-Key", "leaks").send().await?;
    assert_eq!((text(&raised, "/status"), text(&raised, "/pending/action")), ("shipped", "dispute"));
    let disputed = trade.seller.socket.wait_for_status(&trade.order, "disputed", PATIENCE).await?;
    let named = text(&disputed, "/dispute/evidenceCid").to_owned();
    assert!(named.starts_with("bafk"), "{disputed}");
    let last = disputed.pointer("/history").and_then(Value::as_array).and_then(|lines| lines.last()).cloned();
    let last = last.ok_or("an order without history")?;
    assert_eq!((text(&last, "/status"), text(&last, "/by")), ("disputed", trade.buyer.session.account()));
    assert!(last.get("block").is_some_and(Value::is_u64) && text(&last, "/extrinsic").starts_with("0x"), "{last}");

    let film = [b"\0\0\0\x14ftypisom\0\0\x02\0mp42".to_vec(), vec![7; FILM]].concat();
    let promise =
        json!({ "contentType": "video/mp4", "size": film.len(), "sha256": hex::encode(Sha256::digest(&film)) });
    let permitted = trade.seller.session.post(&path("evidence/uploads"), &promise).send().await?;
    assert_eq!(put(&permitted, film.clone()).await?, 200);
    let body = json!({ "kind": "video", "uploadId": text(&permitted, "/uploadId"), "description": "It did not leak." });
    let add = || trade.seller.session.post(&path("evidence"), &body).header("Idempotency-Key", "film").send();
    let (added, again) = (add().await?, add().await?);
    assert_eq!(added, again);
    let published = reqwest::get(text(&added, "/url")).await?.bytes().await?;
    assert!(published == film, "{} bytes of {}", published.len(), film.len());

    let listed = trade.buyer.session.get(&path("evidence")).send().await?;
    let items = listed.get("items").and_then(Value::as_array).ok_or("no items")?;
    let shown: Vec<_> = items.iter().map(|item| (text(item, "/kind"), text(item, "/by"))).collect();
    let (buyer, seller) = (trade.buyer.session.account(), trade.seller.session.account());
    assert_eq!(shown, [("image", buyer), ("video", seller)]);
    let gateway = text(&added, "/url").replace(text(&added, "/cid"), &named);
    let document: Value = serde_json::from_slice(&reqwest::get(gateway).await?.bytes().await?)?;
    let first = items.first().ok_or("no evidence")?;
    assert_eq!(text(&document, "/evidence/cid"), text(first, "/cid"));

    let stranger = lab.user("buyer").await?;
    let refused = stranger.session.get(&path("evidence")).send().await.err().ok_or("a stranger saw evidence")?;
    assert_eq!(refused.refusal(), Some((404, "not_found")));
    let refused = cancel(&trade.seller.session, &trade).await.err().ok_or("a disputed order was cancelled")?;
    assert!(refused.to_string().contains("409"), "{refused}");
    let tracking = trade.seller.session.get(&path("tracking")).send().await?;
    let statuses = tracking.get("history").and_then(Value::as_array).ok_or("no history")?;
    let statuses: Vec<_> = statuses.iter().map(|line| text(line, "/status")).collect();
    assert_eq!(statuses, ["created", "funded", "shipped", "disputed"]);
    assert_eq!(lab.story(&trade).await?, Story::expected(&trade, Money::Held));
    Ok(())
}
