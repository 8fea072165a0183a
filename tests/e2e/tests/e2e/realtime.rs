//! Several devices of one user: everything, once, in order, whatever happens to their connections.

use std::{collections::BTreeMap, time::Duration};

use descrow_domain::Timestamp;
use descrow_store::Ticket;
use e2e::{Outcome, lab::Lab};
use serde_json::{Value, json};
use stack_client::{
    inbox::Told,
    socket::{Mute, Socket, SocketError, text},
};
use uuid::Uuid;

use crate::CALM;

const SOON: Duration = Duration::from_secs(60);

/// The messages by id, as they came; fails where one came twice or out of order.
fn by_id(told: &[Told]) -> Outcome<BTreeMap<u64, String>> {
    let mut messages = BTreeMap::new();
    for (id, text) in told.iter().filter_map(|told| Some((told.id?, told.text.clone()))) {
        if messages.last_key_value().is_some_and(|(last, _)| *last >= id) {
            return Err(format!("message {id} came twice or late").into());
        }
        messages.insert(id, text);
    }
    Ok(messages)
}

#[tokio::test]
async fn a_device_that_was_offline_for_most_of_an_order_has_missed_nothing() -> Outcome<()> {
    let _calm = CALM.read().await;
    let lab = Lab::open()?;
    let trade = lab.trade().await?;
    let (session, phone) = (&trade.buyer.session, &trade.buyer.socket);
    let laptop = Socket::open_after(session, Some(0), Box::new(|_| {})).await?;
    laptop.wait_for_status(&trade.order, "created", SOON).await?;
    phone.wait_for_status(&trade.order, "created", SOON).await?;
    // It goes without a word, and comes back in the middle of things.
    let (before, left_at) = (laptop.told(), laptop.last());
    drop(laptop);
    lab.pay(&trade).await?;
    trade.funded().await?;
    let laptop = Socket::open_after(session, Some(left_at), Box::new(|_| {})).await?;
    lab.complete(&trade).await?;
    laptop.wait_for_status(&trade.order, "completed", SOON).await?;
    // The one that was always there may be behind now; what the other one has is still on its way.
    let end = laptop.last().max(phone.last());
    for device in [&laptop, phone] {
        device.wait("the end", SOON, |message| text(message, "/id") == end.to_string()).await?;
    }
    let (before, after, all) = (by_id(&before)?, by_id(&laptop.told())?, by_id(&phone.told())?);
    assert!(before.keys().all(|id| !after.contains_key(id)), "{before:?} {after:?}");
    let mut together = before;
    together.extend(after);
    assert!(together.keys().copied().eq(1..=end), "a gap: {:?}", together.keys());
    assert!(together.len() >= 10, "{}", together.len());
    assert_eq!(together, all);
    Ok(())
}

#[tokio::test]
async fn a_device_that_never_reads_delays_no_other() -> Outcome<()> {
    let _calm = CALM.read().await;
    let lab = Lab::open()?;
    let trade = lab.trade().await?;
    let _mute = [Mute::open(&trade.buyer.session).await?, Mute::open(&trade.seller.session).await?];
    lab.pay(&trade).await?;
    trade.funded().await?;
    trade.seller.socket.wait_for_status(&trade.order, "funded", SOON).await?;
    Ok(())
}

#[tokio::test]
async fn a_ticket_that_is_over_opens_nothing() -> Outcome<()> {
    let _calm = CALM.read().await;
    let lab = Lab::open()?;
    let user = lab.user("buyer").await?;
    let url = user.session.post("/api/realtime/ticket", &json!({})).send().await?;
    let account = user.session.account().parse()?;
    for (age, opens) in [(-30, true), (1, false)] {
        let secret = Uuid::new_v4().simple().to_string();
        let ticket = Ticket::new(&secret, account, Timestamp::now().plus_seconds(-age));
        assert!(lab.store.sessions().put_ticket(&ticket).await?);
        let opened = Socket::connect(text(&url, "/url"), &secret, 0, Box::new(|_| {})).await;
        match opened {
            Ok(_) => assert!(opens),
            Err(error) => assert!(!opens && matches!(error, SocketError::Refused(_)), "{error}"),
        }
    }
    Ok(())
}

#[tokio::test]
async fn the_reuse_of_a_refresh_token_is_told_at_once() -> Outcome<()> {
    let _calm = CALM.read().await;
    let lab = Lab::open()?;
    let user = lab.user("buyer").await?;
    let stolen = json!({ "refreshToken": user.session.refresh_token() });
    lab.api.post("/api/auth/refresh", &stolen).send().await?;
    let again = lab.api.post("/api/auth/refresh", &stolen).send().await;
    assert_eq!(again.err().and_then(|error| error.refusal().map(|(status, _)| status)), Some(401));
    let told = user.socket.wait("the warning", SOON, |m| text(m, "/notification/type") == "security").await?;
    assert_eq!((text(&told, "/id"), told.pointer("/notification/orderId")), ("1", Some(&Value::Null)));
    Ok(())
}
