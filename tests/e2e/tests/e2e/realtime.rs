//! Several devices of one user: everything, once, in order, whatever happens to their connections.

use std::{collections::BTreeMap, time::Duration};

use descrow_domain::Timestamp;
use descrow_store::{Challenge, Family, Ticket};
use e2e::{Outcome, lab::Lab};
use serde_json::{Value, json};
use stack_client::{
    inbox::Told,
    socket::{Socket, SocketError, text},
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
async fn a_ticket_that_is_over_opens_nothing() -> Outcome<()> {
    let _calm = CALM.read().await;
    let lab = Lab::open()?;
    let user = lab.user("buyer").await?;
    let url = user.session.post("/api/realtime/ticket", &json!({})).send().await?;
    let account = user.session.account().parse()?;
    let (family, now) = (Uuid::now_v7(), Timestamp::now());
    let standing = Family::new(family, account, now, now.plus_seconds(600));
    let nonce = Uuid::new_v4().simple().to_string();
    let challenge = Challenge::new(&nonce, account, String::new(), now.plus_seconds(60));
    assert!(lab.store.sessions().put_challenge(&challenge).await?);
    assert!(lab.store.sessions().sign_in(&nonce, &standing).await?);
    for (age, opens) in [(-30, true), (1, false)] {
        let secret = Uuid::new_v4().simple().to_string();
        let ticket = Ticket::new(&secret, account, family, Timestamp::now().plus_seconds(-age));
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
async fn the_reuse_of_a_refresh_token_is_told_at_once_to_the_user_s_other_sessions_and_closes_the_stolen_one()
-> Outcome<()> {
    let _calm = CALM.read().await;
    let lab = Lab::open()?;
    let user = lab.user("buyer").await?;
    let other = Socket::open(&lab.again(&user).await?, Box::new(|_| {})).await?;
    let stolen = json!({ "refreshToken": user.session.refresh_token() });
    lab.api.post("/api/auth/refresh", &stolen).send().await?;
    let again = lab.api.post("/api/auth/refresh", &stolen).send().await;
    assert_eq!(again.err().and_then(|error| error.refusal().map(|(status, _)| status)), Some(401));
    let told = other.wait("the warning", SOON, |m| text(m, "/notification/type") == "security").await?;
    assert_eq!((text(&told, "/id"), told.pointer("/notification/orderId")), ("1", Some(&Value::Null)));
    user.socket.wait_for_end(SOON).await?;
    assert!(user.socket.told().iter().all(|told| told.id.is_none()), "{:?}", user.socket.told());
    Ok(())
}

#[tokio::test]
async fn after_a_logout_the_socket_of_the_session_answers_nothing_and_is_closed() -> Outcome<()> {
    let _calm = CALM.read().await;
    let lab = Lab::open()?;
    let user = lab.user("buyer").await?;
    let ping = json!({ "action": "ping" }).to_string();
    user.socket.say(&ping).await;
    user.socket.wait("pong", SOON, |m| text(m, "/type") == "pong").await?;
    user.session.post("/api/auth/logout", &json!({})).send().await?;
    user.socket.say(&ping).await;
    user.socket.wait_for_end(SOON).await?;
    let refused = Socket::open(&user.session, Box::new(|_| {})).await;
    assert!(matches!(refused, Err(SocketError::Ticket(_))), "{refused:?}");
    Ok(())
}
