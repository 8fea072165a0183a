//! What the WebSocket says.

use std::time::Duration;

use e2e::{Outcome, lab::Lab};
use serde_json::Value;
use stack_client::socket::{Socket, text};

use crate::CALM;

const SOON: Duration = Duration::from_secs(20);

fn kind(wanted: &'static str) -> impl Fn(&Value) -> bool {
    move |message| text(message, "/type") == wanted
}

#[tokio::test]
async fn a_client_is_answered_and_told_what_it_missed() -> Outcome<()> {
    let _calm = CALM.read().await;
    let lab = Lab::open()?;
    let trade = lab.trade().await?;
    let session = &trade.buyer.session;
    let first = trade.buyer.socket.wait("order placed", SOON, kind("notification.created")).await?;
    trade.buyer.socket.say(r#"{"action":"ping"}"#).await;
    trade.buyer.socket.wait("pong", SOON, kind("pong")).await?;
    trade.buyer.socket.say(r#"{"action":"dance"}"#).await;
    let error = trade.buyer.socket.wait("error", SOON, kind("error")).await?;
    assert_eq!(text(&error, "/code"), "unknown_action");

    trade.buyer.session.pay_by_mpesa(&trade.order).await?;
    let missed = trade
        .buyer
        .socket
        .wait("another notification", SOON, |message| {
            kind("notification.created")(message) && text(message, "/id") != text(&first, "/id")
        })
        .await?;
    // A device that saw only the first message comes back.
    let seen = text(&first, "/id").parse()?;
    let device = Socket::open_after(session, Some(seen), Box::new(|_| {})).await?;
    let resumed = device.wait("the end of the replay", SOON, kind("resumed")).await?;
    let replayed = device.heard();
    assert!(replayed.contains(&missed), "{replayed:?}");
    assert!(!replayed.contains(&first), "{replayed:?}");
    assert_eq!(resumed.get("complete"), Some(&Value::Bool(true)), "{resumed}");
    Ok(())
}

#[tokio::test]
async fn an_order_in_a_message_is_the_order_of_the_api() -> Outcome<()> {
    let _calm = CALM.read().await;
    let lab = Lab::open()?;
    let trade = lab.trade().await?;
    for user in [&trade.buyer, &trade.seller] {
        let told = user.socket.wait("the order", SOON, kind("order.updated")).await?;
        let versions = |message: &Value| message.pointer("/order/version").and_then(Value::as_u64).unwrap_or_default();
        // The contract's OrderCreated may have come meanwhile, which nobody is told of.
        let mut read = user.session.see_order(&trade.order).await?;
        let mut order = told.get("order").cloned().unwrap_or_default();
        assert!(versions(&told) >= 1);
        for shown in [&mut read, &mut order] {
            for changing in ["version", "updatedAt"] {
                shown.as_object_mut().ok_or("no order")?.remove(changing);
            }
        }
        assert_eq!(order, read);
    }
    let stranger = lab.user("buyer").await?;
    stranger.socket.wait("the end of the replay", SOON, kind("resumed")).await?;
    assert_eq!(stranger.socket.told().iter().filter(|told| told.id.is_some()).count(), 0);
    Ok(())
}
