//! `pay/dot` of an order in every status, asked by everybody: for the call to sign, and with a report.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod stage;

use descrow_domain::{
    Kes, OrderId, Timestamp,
    order::{Order, OrderMove, OrderStatus, PaymentMode, PendingAction},
    payment::{Payment, PaymentStatus},
};
use descrow_web::testing::Answer;
use serde_json::{Value, json};
use stage::Stage;

/// What is asked of the route.
#[derive(Clone, Copy, Debug)]
enum Asked {
    Call,
    Report,
}

use Asked::{Call, Report};

async fn send(stage: &Stage, id: OrderId, asked: Asked, who: &descrow_web::testing::Person) -> Answer {
    let body = json!({"extrinsicHash": format!("0x{}", "5c".repeat(32))});
    let ask = match asked {
        Call => stage.ask(id),
        Report => stage.report(id, &body, "r"),
    };
    stage.send(ask.by(who)).await
}

/// The whole answer that an order's state gives, with these details.
fn refusal(answer: &Answer, (title, code): (&str, &str), details: &[(&str, &str)]) -> Value {
    let details: Vec<Value> =
        details.iter().map(|(field, message)| json!({"field": field, "message": message})).collect();
    json!({"error": title, "code": code, "details": details, "requestId": answer.body["requestId"]})
}

const STATE: (&str, &str) = ("Order state conflict", "order_state");
const IN_PROGRESS: (&str, &str) = ("Payment in progress", "payment_in_progress");

/// The moves of the buyer of an order in DOT.
fn moves(status: OrderStatus) -> &'static str {
    match status {
        OrderStatus::Created => "fund, cancel",
        OrderStatus::Funded => "dispute",
        OrderStatus::Shipped => "deliver, dispute",
        OrderStatus::Delivered
        | OrderStatus::Completed
        | OrderStatus::Disputed
        | OrderStatus::Resolved
        | OrderStatus::Cancelled => "",
    }
}

#[tokio::test]
async fn in_every_status_it_is_the_buyers_alone_and_says_what_is_possible_instead() {
    let stage = Stage::start().await;
    for status in OrderStatus::ALL {
        for asked in [Call, Report] {
            let order = stage.order(|_| {}).await;
            if status != OrderStatus::Created {
                stage.rewrite(order.id, |order| order.status = status).await;
            }
            let before = stage.row(order.id).await;
            for (who, outcome) in [
                (&stage.seller, (403, "wrong_role")),
                (&stage.admin, (403, "wrong_role")),
                (&stage.stranger, (404, "not_found")),
            ] {
                let answer = send(&stage, order.id, asked, who).await;
                assert_eq!((answer.outcome(), answer.trips), (outcome, 1), "{asked:?} {status:?}");
            }
            let answer = send(&stage, order.id, asked, &stage.buyer).await;
            match (status, asked) {
                // The chain would be asked, and there is none here.
                (OrderStatus::Created, Call) => assert_eq!(answer.outcome(), (503, "chain_unavailable")),
                (OrderStatus::Created, Report) => {
                    assert_eq!((answer.status.as_u16(), answer.trips), (202, 2), "{}", answer.text);
                    continue;
                }
                _ => {
                    let expected =
                        refusal(&answer, STATE, &[("status", status.as_str()), ("allowedMoves", moves(status))]);
                    assert_eq!((answer.status.as_u16(), &answer.body), (409, &expected), "{asked:?} {status:?}");
                }
            }
            assert_eq!(answer.trips, 1, "{asked:?} {status:?}");
            assert_eq!(stage.row(order.id).await, before, "{asked:?} {status:?}");
        }
    }
}

#[tokio::test]
async fn after_the_deadline_nothing_is_given_out_and_no_report_is_taken() {
    let stage = Stage::start().await;
    let ended = Timestamp::now().plus_seconds(-1);
    let order = stage.order(|order| order.deadlines.payment = Some(ended)).await;
    for asked in [Call, Report] {
        let answer = send(&stage, order.id, asked, &stage.buyer).await;
        let details = [("status", "created"), ("deadline", &*ended.rfc3339()), ("allowedMoves", "fund, cancel")];
        let expected = refusal(&answer, STATE, &details);
        assert_eq!((answer.status.as_u16(), &answer.body, answer.trips), (409, &expected, 1), "{asked:?}");
    }
    assert_eq!(stage.row(order.id).await, order);
}

#[tokio::test]
async fn what_was_sent_before_a_cancellation_may_be_reported_while_that_waits_for_the_chain() {
    let stage = Stage::start().await;
    let order = stage.order(|_| {}).await;
    let cancel = |at| PendingAction { action: OrderMove::Cancel, command_id: "cancel#x".into(), by: None, at };
    stage.rewrite(order.id, |order| order.pending = Some(cancel(Timestamp::now()))).await;
    let answer = send(&stage, order.id, Call, &stage.buyer).await;
    let details = [("status", "created"), ("pending", "cancel"), ("allowedMoves", "")];
    let expected = refusal(&answer, STATE, &details);
    assert_eq!((answer.status.as_u16(), &answer.body), (409, &expected));
    assert_eq!(send(&stage, order.id, Report, &stage.buyer).await.status, 202);
    let row = stage.row(order.id).await;
    assert!(row.pending.is_some() && row.dot_payment.is_some(), "{row:?}");
}

#[tokio::test]
async fn an_order_by_mpesa_says_how_it_is_paid_and_what_its_payments_allow() {
    let stage = Stage::start().await;
    let by_phone = |order: &mut Order| order.payment_mode = PaymentMode::Mpesa;
    let unpaid = stage.order(by_phone).await;
    let (buyer, seller, phone) = (stage.buyer.account, stage.seller.account, "254708374149".parse().unwrap());
    let asked_for = stage.order(by_phone).await;
    let collection = Payment::collection(asked_for.id, buyer, phone, Kes(1_360), Timestamp::now());
    stage.rewrite(asked_for.id, |order| order.payment_id = Some(collection.id)).await;
    let delivered = stage.order(by_phone).await;
    let phone = "254711000222".parse().unwrap();
    let payout = Payment::payout(delivered.id, 1, seller, phone, Kes(1_360), Timestamp::now());
    let payout = Payment { status: PaymentStatus::Sent, ..payout };
    stage
        .rewrite(delivered.id, |order| {
            order.status = OrderStatus::Delivered;
            order.payout_id = Some(payout.id);
        })
        .await;
    for payment in [&collection, &payout] {
        assert!(stage.bench.database.store.payments().create(payment).await.unwrap());
    }
    let mode = [("status", "created"), ("paymentMode", "mpesa"), ("allowedMoves", "fund, cancel")];
    let open = [("status", "created"), ("payment", "is under way"), ("allowedMoves", "")];
    let paid_out = [("status", "delivered"), ("allowedMoves", "")];
    for (order, code, details, trips) in [
        (unpaid, STATE, mode.as_slice(), 1),
        (asked_for, IN_PROGRESS, open.as_slice(), 2),
        (delivered, STATE, paid_out.as_slice(), 2),
    ] {
        for asked in [Call, Report] {
            let answer = send(&stage, order.id, asked, &stage.buyer).await;
            let expected = refusal(&answer, code, details);
            assert_eq!((answer.status.as_u16(), &answer.body, answer.trips), (409, &expected, trips), "{asked:?}");
        }
    }
}
