//! Paying in DOT, through the router, over a database in process: what needs no chain.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod stage;

use descrow_domain::{
    Timestamp,
    order::{DotPayment, OrderStatus, Transition},
};
use descrow_web::testing::Ask;
use serde_json::json;
use stage::Stage;

fn hash(byte: u8) -> String {
    format!("0x{}", hex::encode([byte; 32]))
}

#[tokio::test]
async fn a_report_is_noted_on_the_order_and_funds_nothing() {
    let stage = Stage::start().await;
    let order = stage.order(|_| {}).await;
    let body = json!({"extrinsicHash": hash(0x5c)});
    let answer = stage.send(stage.report(order.id, &body, "r")).await;
    let expected = json!({
        "orderId": order.id, "orderStatus": "created", "extrinsicHash": hash(0x5c), "blockHash": null,
        "outcome": "sent", "failure": null,
    });
    // Session, quota and order; then note and answer.
    assert_eq!((answer.status.as_u16(), answer.trips, &answer.body), (202, 2, &expected), "{}", answer.text);
    let row = stage.row(order.id).await;
    let noted = DotPayment { extrinsic_hash: hash(0x5c), block_hash: None, at: row.updated_at, failure: None };
    assert_eq!((row.status, row.version, row.dot_payment), (OrderStatus::Created, 2, Some(noted)));
}

#[tokio::test]
async fn the_same_report_is_taken_once_and_another_key_corrects_it() {
    let stage = Stage::start().await;
    let order = stage.order(|_| {}).await;
    let (one, two) = (json!({"extrinsicHash": hash(1)}), json!({"extrinsicHash": hash(2)}));
    let first = stage.send(stage.report(order.id, &one, "r")).await;
    let again = stage.send(stage.report(order.id, &one, "r")).await;
    assert_eq!((again.status, &again.text), (first.status, &first.text));
    assert_eq!((again.header("idempotency-replayed"), again.trips), (Some("true"), 1));
    assert_eq!(stage.row(order.id).await.version, 2);
    let reused = stage.send(stage.report(order.id, &two, "r")).await;
    assert_eq!(reused.outcome(), (422, "idempotency_key_reused"));
    assert_eq!(stage.send(stage.report(order.id, &two, "s")).await.status, 202);
    assert_eq!(stage.row(order.id).await.dot_payment.unwrap().extrinsic_hash, hash(2));
    // Two different reports at once: one of them may have to come again, and both are answered.
    let (three, four) = (json!({"extrinsicHash": hash(3)}), json!({"extrinsicHash": hash(4)}));
    let (three, four) =
        tokio::join!(stage.send(stage.report(order.id, &three, "t")), stage.send(stage.report(order.id, &four, "u")));
    for answer in [three, four] {
        assert!(answer.status == 202 || answer.outcome() == (409, "version_conflict"), "{}", answer.text);
    }
}

#[tokio::test]
async fn a_report_that_comes_after_the_event_is_told_that_the_order_is_paid() {
    let stage = Stage::start().await;
    let order = stage.order(|_| {}).await;
    let funded =
        |at| Transition { status: OrderStatus::Funded, at, by: None, extrinsic: Some(hash(7)), block: Some(12) };
    stage
        .rewrite(order.id, |order| {
            order.status = OrderStatus::Funded;
            order.history.push(funded(Timestamp::now()));
        })
        .await;
    let answer = stage
        .send(stage.report(order.id, &json!({"extrinsicHash": hash(7).to_uppercase().replace("0X", "0x")}), "r"))
        .await;
    assert_eq!((answer.status.as_u16(), answer.trips), (202, 1), "{}", answer.text);
    assert_eq!((&answer.body["outcome"], &answer.body["orderStatus"]), (&json!("final"), &json!("funded")));
    let other = stage.send(stage.report(order.id, &json!({"extrinsicHash": hash(8)}), "s")).await;
    assert_eq!((other.outcome(), other.fields()), ((409, "order_state"), vec!["status", "allowedMoves"]));
    assert_eq!(stage.row(order.id).await.version, 2);
}

#[tokio::test]
async fn a_node_that_does_not_answer_is_no_fault_of_the_order() {
    let stage = Stage::start().await;
    let order = stage.order(|_| {}).await;
    let placed = json!({"extrinsicHash": hash(1), "blockHash": hash(2)});
    for ask in [stage.ask(order.id), stage.report(order.id, &placed, "r")] {
        let answer = stage.send(ask).await;
        assert_eq!((answer.outcome(), answer.header("retry-after")), ((503, "chain_unavailable"), Some("5")));
    }
    assert_eq!(stage.row(order.id).await, order);
}

#[tokio::test]
async fn a_payment_is_reported_with_a_token_a_key_and_hashes() {
    let stage = Stage::start().await;
    let order = stage.order(|_| {}).await;
    let path = format!("/api/orders/{}/pay/dot", order.id);
    let anonymous = Ask::new("POST", &path).key("k").json(&json!({}));
    assert_eq!(stage.send(anonymous).await.outcome(), (401, "missing_token"));
    let keyless = Ask::new("POST", &path).by(&stage.buyer).json(&json!({}));
    assert_eq!(stage.send(keyless).await.fields(), ["Idempotency-Key"]);
    for (body, fields) in [
        (
            json!({"extrinsicHash": "5c", "blockHash": "0x5c", "amount": 1}),
            vec!["amount", "blockHash", "extrinsicHash"],
        ),
        (json!({"blockHash": hash(2)}), vec!["extrinsicHash"]),
        (json!({"extrinsicHash": format!("0x{}", "g".repeat(64))}), vec!["extrinsicHash"]),
    ] {
        let refused = stage.send(stage.report(order.id, &body, "r")).await;
        let mut named = refused.fields();
        named.sort_unstable();
        assert_eq!((refused.outcome(), named), ((400, "validation_failed"), fields), "{body}");
    }
    assert_eq!(stage.row(order.id).await, order);
}
