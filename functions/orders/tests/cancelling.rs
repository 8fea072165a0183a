//! Cancelling, through the router, over a database in process.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod stage;

use descrow_domain::{
    command::Command,
    order::OrderStatus,
    payment::{Payment, PaymentStatus},
};
use descrow_web::testing::Ask;
use serde_json::json;
use stage::{Stage, sample};

const CANCEL: &str = include_str!("../../../events/orders-cancel.json");

#[tokio::test]
async fn a_cancellation_is_pending_with_its_command_committed_and_is_answered_again() {
    let stage = Stage::start().await;
    let id = stage.order("k").await;
    let ask = sample(CANCEL, id).by(&stage.buyer);
    let answer = stage.send(ask.clone()).await;
    assert_eq!((answer.status.as_u16(), answer.trips), (202, 2), "{}", answer.text);
    let row = stage.row(id).await;
    let pending = row.pending.clone().unwrap();
    assert_eq!(answer.body["pending"], json!({"action": "cancel", "since": pending.at.rfc3339()}));
    assert_eq!((&answer.body["status"], &answer.body["allowedMoves"]), (&json!("created"), &json!([])));
    assert_eq!(pending.by, Some(stage.buyer.account));
    let command = stage.bench.database.store.chain_commands().get(&pending.command_id).await.unwrap().unwrap();
    assert_eq!((command.order_id, command.command), (id, Command::Cancel));

    let again = stage.send(ask).await;
    assert_eq!((again.status.as_u16(), &again.body, again.trips), (202, &answer.body, 1));
    assert_eq!(again.header("idempotency-replayed"), Some("true"));
    let other_key = stage.send(sample(CANCEL, id).by(&stage.buyer).key("another")).await;
    assert_eq!((other_key.status.as_u16(), &other_key.body), (202, &answer.body));
    let other_party = stage.send(sample(CANCEL, id).by(&stage.seller)).await;
    assert_eq!(
        (other_party.outcome(), other_party.fields()),
        ((409, "order_state"), vec!["status", "pending", "allowedMoves"])
    );
    assert_eq!(stage.row(id).await, row);
}

#[tokio::test]
async fn two_cancellations_at_once_are_one() {
    let stage = Stage::start().await;
    let id = stage.order("k").await;
    let (one, other) = (sample(CANCEL, id).by(&stage.buyer), sample(CANCEL, id).by(&stage.buyer).key("another"));
    let (one, other) = tokio::join!(stage.send(one), stage.send(other));
    assert_eq!((one.status.as_u16(), other.status.as_u16()), (202, 202), "{} {}", one.text, other.text);
    assert_eq!(one.body, other.body);
}

#[tokio::test]
async fn while_the_buyers_phone_is_asked_nobody_cancels() {
    let stage = Stage::start().await;
    let id = stage.order("k").await;
    let pay = Ask::new("POST", &format!("/api/orders/{id}/pay/mpesa")).by(&stage.buyer).key("p").json(&json!({}));
    assert_eq!(stage.send(pay).await.status, 202);
    let row = stage.row(id).await;
    for who in [&stage.buyer, &stage.seller] {
        let answer = stage.send(sample(CANCEL, id).by(who)).await;
        let details = json!([
            {"field": "status", "message": "created"},
            {"field": "payment", "message": "is under way"},
            {"field": "allowedMoves", "message": ""},
        ]);
        assert_eq!((answer.outcome(), &answer.body["details"]), ((409, "payment_in_progress"), &details));
    }
    assert_eq!(stage.row(id).await, row);
    let payment = stage.bench.database.store.payments().get(row.payment_id.unwrap()).await.unwrap().unwrap();
    let failed = Payment { status: PaymentStatus::Failed, version: payment.version + 1, ..payment };
    stage.repay(&failed).await;
    assert_eq!(stage.send(sample(CANCEL, id).by(&stage.buyer)).await.status, 202);
}

#[tokio::test]
async fn a_paid_order_is_its_sellers_to_cancel() {
    let stage = Stage::start().await;
    let id = stage.order("k").await;
    stage.at(id, OrderStatus::Funded).await;
    let refused = stage.send(sample(CANCEL, id).by(&stage.buyer)).await;
    assert_eq!(refused.outcome(), (409, "order_state"));
    let keyless = Ask::new("POST", &format!("/api/orders/{id}/cancel")).by(&stage.seller);
    assert_eq!(stage.send(keyless).await.fields(), ["Idempotency-Key"]);
    let answer = stage.send(sample(CANCEL, id).by(&stage.seller)).await;
    assert_eq!((answer.status.as_u16(), &answer.body["pending"]["action"]), (202, &json!("cancel")));
}
