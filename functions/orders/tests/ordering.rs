//! Creating, listing and reading orders, through the router and over a database in process.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod stage;

use descrow_domain::{
    OrderId, Planck, ProductId, UsdCents,
    command::{Command, CommandStatus},
    product::ProductStatus,
};
use descrow_web::testing::{Answer, Ask};
use serde_json::{Value, json};
use stage::{PHONE, PRODUCT, Stage, sample, wish};

fn post(stage: &Stage, key: &str, body: &Value) -> Ask {
    Ask::new("POST", "/api/orders").by(&stage.buyer).key(key).json(body)
}

#[tokio::test]
async fn an_order_fixes_its_amounts_takes_its_piece_and_tells_the_contract() {
    let stage = Stage::start().await;
    let event = Ask::event(include_str!("../../../events/orders-create.json")).by(&stage.buyer);
    let answer = stage.send(event).await;
    assert_eq!((answer.status.as_u16(), answer.trips), (201, 2), "{}", answer.text);
    let id: OrderId = answer.body["id"].as_str().unwrap().parse().unwrap();
    assert_eq!(answer.header("location"), Some(format!("/api/orders/{id}").as_str()));
    let row = stage.row(id).await;
    let created = row.created_at.rfc3339();
    let expected = json!({
        "id": id, "status": "created", "paymentMode": "mpesa", "fundedBy": null, "productId": PRODUCT, "productTitle": "Kitenge bag",
        "quantity": 1, "buyer": stage.buyer.account.to_string(), "seller": stage.seller.account.to_string(),
        "amountDot": "2.5", "amountUsd": "10.50", "amountKes": 1355,
        "rates": {"usdPerDot": "4.2", "kesPerUsd": "129", "source": "configuration", "at": "2026-11-18T11:06:40Z"},
        "deliveryAddress": "Moi Avenue 12, Nairobi", "phoneNumber": "2547*****149", "pending": null,
        "deadlines": {"payment": row.created_at.plus_seconds(1800).rfc3339(), "shipping": null, "inspection": null, "evidence": null},
        "tracking": null,
        "history": [{"status": "created", "at": created, "by": stage.buyer.account.to_string(), "extrinsic": null, "block": null}],
        "payment": null, "payout": null, "refund": null, "dotPayment": null, "dispute": null, "allowedMoves": ["fund", "cancel"],
        "createdAt": created, "updatedAt": created, "version": 1,
    });
    assert_eq!(answer.body, expected);
    assert_eq!(row.phone.unwrap().digits(), PHONE);
    let store = &stage.bench.database.store;
    let product = store.products().get(PRODUCT.parse().unwrap()).await.unwrap().unwrap();
    assert_eq!((product.quantity, product.status), (2, ProductStatus::Active));
    let command = store.chain_commands().get(&format!("create_order#{id}")).await.unwrap().unwrap();
    let told = Command::CreateOrder {
        buyer: stage.buyer.account,
        seller: stage.seller.account,
        amount: Planck::from_dot("2.5").unwrap(),
        metadata_cid: "bafkreifzjut3te2nhyekklss27nh3k72ysco7y32koao5eei66wof36n5e".to_owned(),
    };
    assert_eq!((command.command, command.status), (told, CommandStatus::Queued));
}

#[tokio::test]
async fn an_order_in_dot_needs_no_phone_and_may_cost_what_no_phone_can_pay() {
    let stage = Stage::start().await;
    let dear = ProductId::new();
    stage.product(dear, |product| product.price_usd = UsdCents(1_000_000)).await;
    let mut body = wish();
    body["paymentMode"] = json!("dot");
    body["productId"] = json!(dear);
    let with_phone = stage.send(post(&stage, "k", &body)).await;
    body.as_object_mut().unwrap().remove("phoneNumber");
    let without = stage.send(post(&stage, "l", &body)).await;
    for answer in [with_phone, without] {
        assert_eq!((answer.status.as_u16(), &answer.body["paymentMode"]), (201, &json!("dot")), "{}", answer.text);
        assert_eq!(answer.body["amountKes"], 1_290_000);
        let row = stage.row(answer.body["id"].as_str().unwrap().parse().unwrap()).await;
        assert_eq!(row.phone, None);
    }
}

#[tokio::test]
async fn the_same_request_twice_makes_one_order_and_answers_the_same() {
    let stage = Stage::start().await;
    let first = stage.send(post(&stage, "k", &wish())).await;
    let again = stage.send(post(&stage, "k", &wish())).await;
    assert_eq!((again.status.as_u16(), &again.text, again.trips), (201, &first.text, 1));
    assert_eq!(again.header("location"), first.header("location"));
    assert_eq!(again.header("idempotency-replayed"), Some("true"));
    let mut other = wish();
    other["quantity"] = json!(2);
    assert_eq!(stage.send(post(&stage, "k", &other)).await.outcome(), (422, "idempotency_key_reused"));
    let mine = stage.send(Ask::new("GET", "/api/orders").by(&stage.buyer)).await;
    assert_eq!(mine.body["items"].as_array().unwrap().len(), 1);
    assert_eq!(stage.send(post(&stage, "another-key", &wish())).await.status, 201);
}

#[tokio::test]
async fn equal_requests_at_once_make_one_order() {
    let stage = Stage::start().await;
    let ask = post(&stage, "k", &wish());
    let answers = tokio::join!(stage.send(ask.clone()), stage.send(ask.clone()), stage.send(ask));
    assert_eq!((answers.0.status.as_u16(), &answers.0.text), (201, &answers.1.text), "{}", answers.1.text);
    assert_eq!(answers.0.text, answers.2.text);
    let product = stage.bench.database.store.products().get(PRODUCT.parse().unwrap()).await.unwrap().unwrap();
    assert_eq!(product.quantity, 2);
}

#[tokio::test]
async fn of_many_buyers_of_the_last_piece_exactly_one_gets_it() {
    let stage = Stage::start().await;
    let id = ProductId::new();
    stage.product(id, |product| product.quantity = 1).await;
    let mut wish = wish();
    wish["productId"] = json!(id);
    let tries = (0..8).map(|n| stage.send(post(&stage, &format!("k{n}"), &wish)));
    let answers: Vec<Answer> = futures_util::future::join_all(tries).await;
    let won = answers.iter().filter(|answer| answer.status == 201).count();
    let lost = answers.iter().filter(|answer| answer.outcome() == (409, "product_unavailable")).count();
    assert_eq!((won, lost), (1, 7));
    let product = stage.bench.database.store.products().get(id).await.unwrap().unwrap();
    assert_eq!((product.quantity, product.status), (0, ProductStatus::Sold));
}

#[tokio::test]
async fn every_field_that_breaks_a_rule_is_named() {
    let stage = Stage::start().await;
    let with = |field: &str, value: Value| {
        let mut body = wish();
        body[field] = value;
        body
    };
    let mut phoneless = wish();
    phoneless.as_object_mut().unwrap().remove("phoneNumber");
    let cases = [
        (json!({}), vec!["productId", "paymentMode", "deliveryAddress"]),
        (
            json!({"productId": 1, "paymentMode": "cash", "deliveryAddress": "short", "phoneNumber": "0708374149", "quantity": 0}),
            vec!["productId", "paymentMode", "deliveryAddress", "phoneNumber", "quantity"],
        ),
        (with("productId", json!("nonsense")), vec!["productId"]),
        (with("deliveryAddress", json!("x".repeat(501))), vec!["deliveryAddress"]),
        (with("deliveryAddress", json!("  nine char ")), vec!["deliveryAddress"]),
        (with("quantity", json!(1.5)), vec!["quantity"]),
        (with("quantity", json!(1001)), vec!["quantity"]),
        (with("phoneNumber", json!("254208374149")), vec!["phoneNumber"]),
        (phoneless, vec!["phoneNumber"]),
        (with("paymentMode", json!("card")), vec!["paymentMode"]),
        (with("price", json!("1")), vec!["price"]),
    ];
    for (body, fields) in cases {
        let answer = stage.send(post(&stage, "k", &body)).await;
        assert_eq!((answer.outcome(), answer.fields()), ((400, "validation_failed"), fields), "{body}");
    }
    let keyless = stage.send(Ask::new("POST", "/api/orders").by(&stage.buyer).json(&wish())).await;
    assert_eq!((keyless.outcome(), keyless.fields()), ((400, "validation_failed"), vec!["Idempotency-Key"]));
    let product = stage.bench.database.store.products().get(PRODUCT.parse().unwrap()).await.unwrap().unwrap();
    assert_eq!(product.quantity, 3);
}

#[tokio::test]
async fn what_cannot_be_ordered_is_refused_with_the_reason() {
    let stage = Stage::start().await;
    let ids: Vec<ProductId> = (0..5).map(|_| ProductId::new()).collect();
    stage.product(ids[0], |p| p.status = ProductStatus::Inactive).await;
    stage.product(ids[1], |p| (p.quantity, p.status) = (0, ProductStatus::Sold)).await;
    stage.product(ids[2], |p| p.price_usd = UsdCents(2_000_00)).await;
    stage.product(ids[3], |p| p.price_usd = UsdCents(6)).await;
    stage.product(ids[4], |p| p.seller_id = stage.buyer.account).await;
    let cases = [
        (ids[0], 1, (409, "product_unavailable"), vec![]),
        (ids[1], 1, (409, "product_unavailable"), vec![]),
        (PRODUCT.parse().unwrap(), 4, (409, "product_unavailable"), vec![]),
        // 258,000 shillings; one payment carries 250,000.
        (ids[2], 1, (400, "validation_failed"), vec!["paymentMode"]),
        // 8 shillings, which cannot be paid out to the seller.
        (ids[3], 1, (400, "validation_failed"), vec!["paymentMode"]),
        (ids[4], 1, (400, "validation_failed"), vec!["productId"]),
        (ProductId::new(), 1, (404, "not_found"), vec![]),
    ];
    for (id, quantity, outcome, fields) in cases {
        let mut body = wish();
        (body["productId"], body["quantity"]) = (json!(id), json!(quantity));
        let answer = stage.send(post(&stage, "k", &body)).await;
        assert_eq!((answer.outcome(), answer.fields()), (outcome, fields), "{id} {quantity}");
    }
    let mine = stage.send(Ask::new("GET", "/api/orders").by(&stage.buyer)).await;
    assert_eq!(mine.body["items"], json!([]));
}

#[tokio::test]
async fn an_order_exists_for_its_two_parties_and_for_admins() {
    let stage = Stage::start().await;
    let id = stage.order("k").await;
    let event = include_str!("../../../events/orders-get.json");
    for party in [&stage.buyer, &stage.seller] {
        let answer = stage.send(sample(event, id).by(party)).await;
        assert_eq!((answer.status.as_u16(), answer.trips), (200, 1));
        assert_eq!(answer.body["id"], json!(id));
        assert!(!answer.text.contains(PHONE), "{}", answer.text);
    }
    let admin = stage.send(sample(event, id).by(&stage.admin)).await;
    assert_eq!((admin.status.as_u16(), &admin.body["deliveryAddress"]), (200, &Value::Null));
    assert_eq!(stage.send(sample(event, id).by(&stage.stranger)).await.outcome(), (404, "not_found"));
    let unknown = Ask::new("GET", &format!("/api/orders/{}", OrderId::new())).by(&stage.buyer);
    assert_eq!(stage.send(unknown).await.outcome(), (404, "not_found"));
    let path = format!("/api/orders/{id}");
    assert_eq!(stage.send(Ask::new("GET", &path)).await.outcome(), (401, "missing_token"));
}

#[tokio::test]
async fn lists_are_by_party_and_status_newest_first_and_one_round_trip() {
    let stage = Stage::start().await;
    let mut ids = Vec::new();
    for n in 0..3 {
        ids.push(stage.order(&format!("k{n}")).await);
        tokio::time::sleep(std::time::Duration::from_millis(2)).await;
    }
    stage.at(ids[1], descrow_domain::order::OrderStatus::Funded).await;
    let found = |answer: &Answer| -> Vec<OrderId> {
        assert_eq!((answer.status.as_u16(), answer.trips), (200, 1), "{}", answer.text);
        let items = answer.body["items"].as_array().unwrap();
        items.iter().map(|item| item["id"].as_str().unwrap().parse().unwrap()).collect()
    };
    let get = |path: &str, who| stage.send(Ask::new("GET", path).by(who));
    let newest: Vec<OrderId> = ids.iter().rev().copied().collect();
    assert_eq!(found(&get("/api/orders", &stage.buyer).await), newest);
    assert_eq!(found(&get("/api/orders", &stage.seller).await), newest);
    assert_eq!(found(&get("/api/orders?role=buyer", &stage.seller).await), []);
    assert_eq!(found(&get("/api/orders?role=seller", &stage.buyer).await), []);
    assert_eq!(found(&get("/api/orders", &stage.stranger).await), []);
    assert_eq!(found(&get("/api/orders?status=funded", &stage.buyer).await), [ids[1]]);
    let listed = stage.send(Ask::event(include_str!("../../../events/orders-list.json")).by(&stage.buyer)).await;
    assert_eq!(found(&listed), newest);
    let line = &listed.body["items"][0];
    assert_eq!((&line["amountKes"], &line["allowedMoves"]), (&json!(1355), &json!(["fund", "cancel"])));
    assert!(line.get("deliveryAddress").is_none() && !listed.text.contains(PHONE));
    let first = get("/api/orders?limit=2", &stage.buyer).await;
    let cursor = first.body["nextCursor"].as_str().unwrap();
    let last = get(&format!("/api/orders?limit=2&cursor={cursor}"), &stage.buyer).await;
    assert_eq!((found(&first), found(&last)), (newest[..2].to_vec(), newest[2..].to_vec()));
    let stolen = get(&format!("/api/orders?limit=2&cursor={cursor}"), &stage.stranger).await;
    assert_eq!(stolen.outcome(), (400, "invalid_cursor"));
    let wrong = get("/api/orders?role=admin&status=gone", &stage.buyer).await;
    assert_eq!((wrong.outcome(), wrong.fields()), ((400, "validation_failed"), vec!["role", "status"]));
}
