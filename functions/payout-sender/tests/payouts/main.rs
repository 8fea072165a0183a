//! The whole function against a database and a simulated Daraja, both in process. Money is counted at M-Pesa: whatever fails
//! and however often a message comes, the seller is paid once.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that cannot go on should stop")]

mod refused;
mod rig;

use std::time::Duration;

use aws_lambda_events::event::sqs::SqsEvent;
use descrow_domain::{
    Account, Kes, OrderId, Timestamp,
    order::Order,
    payment::{Payment, PaymentStatus, ReviewReason},
};
use descrow_platform::queue;
use descrow_store::Replaced;
use rig::{PRICE, Rig, rig, soon};
use sandbox::{Behaviour, DuplicateStyle, Operation, Rule};

#[tokio::test]
async fn a_queued_payout_is_sent_under_its_own_id_and_waits_for_the_result() {
    let rig = rig().await;
    let payout = rig.commit(|_| {}).await;
    rig.wake(&payout).await.unwrap();
    let row = rig.row(&payout).await;
    assert_eq!((row.status, row.attempts), (PaymentStatus::Sent, 1));
    assert!(row.conversation_id.as_deref().is_some_and(|id| id.starts_with("AG_")));
    assert!(row.submitted_at.is_some() && row.next_check_at.is_some());
    assert_eq!(rig.asked(Operation::B2c), [payout.id.to_hex()]);
    assert_eq!(rig.paid(), u64::from(PRICE));
}

#[tokio::test]
async fn the_same_message_twice_sends_once() {
    let rig = rig().await;
    let payout = rig.commit(|_| {}).await;
    rig.wake(&payout).await.unwrap();
    let before = rig.row(&payout).await;
    rig.wake(&payout).await.unwrap();
    assert_eq!(rig.row(&payout).await, before);
    assert_eq!(rig.asked(Operation::B2c).len(), 1);
}

#[tokio::test]
async fn a_lost_answer_is_followed_by_the_same_id_and_money_moves_once() {
    for style in [DuplicateStyle::Error, DuplicateStyle::ResponseCode, DuplicateStyle::Result] {
        let rig = rig().await;
        rig.sandbox.configure(|settings| settings.duplicate_style = style);
        rig.sandbox.misbehave(Rule::once(Behaviour::LoseAnswer).on(Operation::B2c));
        let payout = rig.commit(|_| {}).await;
        rig.wake(&payout).await.unwrap();
        assert_eq!(rig.row(&payout).await.status, PaymentStatus::Sending, "not known is not sent, and not failed");
        rig.wake(&payout).await.unwrap();
        assert_eq!(rig.row(&payout).await.status, PaymentStatus::Sent, "{style:?}");
        assert_eq!(rig.asked(Operation::B2c), [payout.id.to_hex(), payout.id.to_hex()]);
        assert_eq!(rig.paid(), u64::from(PRICE), "{style:?}");
    }
}

#[tokio::test]
async fn a_sender_that_died_between_claim_and_send_is_made_up_for() {
    let rig = rig().await;
    let payout = rig.commit(|payout| payout.status = PaymentStatus::Sending).await;
    rig.wake(&payout).await.unwrap();
    assert_eq!((rig.row(&payout).await.status, rig.paid()), (PaymentStatus::Sent, u64::from(PRICE)));
}

#[tokio::test]
async fn a_request_that_reached_nobody_is_sent_later() {
    let error =
        |code: &str| Behaviour::Error { status: 500, code: code.into(), message: "Spike Arrest Violation".into() };
    for trouble in
        [Behaviour::Html { status: 403 }, Behaviour::Hang { ms: 0 }, error("500.003.02"), error("500.002.1001")]
    {
        let rig = rig().await;
        rig.sandbox.misbehave(Rule::once(trouble.clone()).on(Operation::B2c));
        let payout = rig.commit(|_| {}).await;
        rig.wake(&payout).await.unwrap();
        let row = rig.row(&payout).await;
        assert!(matches!(row.status, PaymentStatus::Queued | PaymentStatus::Sending), "{trouble:?}");
        assert_eq!((row.attempts, rig.paid()), (1, 0), "{trouble:?}");
        assert!(row.next_check_at.is_some(), "somebody will look again");
        rig.wake(&payout).await.unwrap();
        assert_eq!((rig.row(&payout).await.status, rig.paid()), (PaymentStatus::Sent, u64::from(PRICE)), "{trouble:?}");
    }
}

#[tokio::test]
async fn a_result_that_was_faster_stays() {
    let rig = rig().await;
    rig.sandbox.misbehave(Rule::once(Behaviour::Slow { ms: 300 }).on(Operation::B2c));
    let payout = rig.commit(|_| {}).await;
    let settled = async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        let sending = rig.row(&payout).await;
        assert_eq!(sending.status, PaymentStatus::Sending);
        let next =
            Payment { status: PaymentStatus::Succeeded, next_check_at: None, version: sending.version + 1, ..sending };
        rig.db.store.payments().replace(&next).await.unwrap();
        next
    };
    let (sent, settled) = tokio::join!(rig.wake(&payout), settled);
    sent.unwrap();
    assert_eq!(rig.row(&payout).await, settled);
}

#[tokio::test]
async fn a_late_result_is_asked_for_and_never_sent_again() {
    let rig = rig().await;
    let payout = rig
        .commit(|payout| {
            payout.status = PaymentStatus::Sent;
            payout.next_check_at = Some(Timestamp(1));
        })
        .await;
    rig.wake(&payout).await.unwrap();
    assert_eq!(rig.asked(Operation::TransactionStatus), [payout.id.to_hex()]);
    assert!(rig.asked(Operation::B2c).is_empty());
    let row = rig.row(&payout).await;
    assert_eq!(row.status, PaymentStatus::Sent);
    assert!(row.next_check_at.unwrap() > Timestamp::now(), "asked again later, not at once");
    rig.wake(&payout).await.unwrap();
    assert_eq!(rig.asked(Operation::TransactionStatus).len(), 1);
}

/// The buyer's number; the seller's is another.
const BUYER_PHONE: &str = "254711000002";

#[tokio::test]
async fn a_refund_goes_to_the_phone_that_paid() {
    let rig = rig().await;
    let buyer = Account::from_bytes([8; 32]);
    let phone = BUYER_PHONE.parse().unwrap();
    let paid = Payment::collection(OrderId::new(), buyer, phone, Kes(PRICE), Timestamp::now());
    let refund = rig.commit(|payment| *payment = Payment::refund(&paid, 1, Kes(PRICE), Timestamp::now())).await;
    for _ in 0..2 {
        rig.wake(&refund).await.unwrap();
        assert_eq!(rig.row(&refund).await.status, PaymentStatus::Sent);
        assert_eq!(rig.asked(Operation::B2c), [refund.id.to_hex()]);
        assert_eq!((rig.sandbox.received(BUYER_PHONE), rig.paid()), (u64::from(PRICE), 0));
    }
}

#[tokio::test]
async fn a_payout_that_was_taken_back_is_never_sent() {
    let rig = rig().await;
    let payout = rig.commit(|_| {}).await;
    let withdrawn = payout.withdrawn(Timestamp::now()).unwrap();
    assert_eq!(rig.db.store.payments().replace(&withdrawn).await, Ok(Replaced::Done));
    rig.wake(&payout).await.unwrap();
    assert_eq!((rig.row(&payout).await, rig.asked(Operation::B2c).len()), (withdrawn, 0));
}

#[tokio::test]
async fn of_taking_back_and_sending_at_once_exactly_one_wins() {
    let rig = rig().await;
    let mut outcomes = std::collections::BTreeSet::new();
    for n in 0..40 {
        let payout = rig.commit(|_| {}).await;
        let withdrawn = payout.withdrawn(Timestamp::now()).unwrap();
        let take_back = async {
            // The sender reads, then claims: the two meet at different points of it.
            tokio::time::sleep(Duration::from_micros(n * 150)).await;
            rig.db.store.payments().replace(&withdrawn).await.unwrap()
        };
        let (sent, taken) = tokio::join!(rig.wake(&payout), take_back);
        sent.unwrap();
        let asked = rig.asked(Operation::B2c).contains(&payout.id.to_hex());
        let taken = taken == Replaced::Done;
        assert_ne!(asked, taken, "attempt {n}");
        assert_eq!(rig.row(&payout).await.status == PaymentStatus::Withdrawn, taken);
        outcomes.insert(taken);
    }
    assert_eq!(outcomes.len(), 2, "both happened");
}

/// A payout of a delivered order that failed for a passing reason, and that is due.
async fn failed(rig: &Rig) -> (Order, Payment) {
    let order = rig.delivered().await;
    let payout = rig
        .commit(|payout| {
            *payout = Payment::payout(order.id, 1, order.seller_id, payout.phone.clone(), Kes(PRICE), Timestamp::now());
            payout.status = PaymentStatus::Failed;
            payout.result_code = Some("1".into());
            payout.next_check_at = Some(Timestamp(1));
        })
        .await;
    (order, payout)
}

#[tokio::test]
async fn what_failed_for_a_passing_reason_is_made_anew_once_under_another_id() {
    let rig = rig().await;
    let (order, first) = failed(&rig).await;
    let (one, two) = tokio::join!(rig.wake(&first), rig.wake(&first));
    one.and(two).unwrap();
    rig.wake(&first).await.unwrap();
    let row = rig.row(&first).await;
    assert_eq!((row.status, row.next_check_at), (PaymentStatus::Failed, None));
    let rows = rig.db.store.payments().of_order(order.id).await.unwrap();
    assert_eq!(rows.len(), 2);
    let second = rows.into_iter().find(|row| row.attempt() == Some(2)).unwrap();
    assert_eq!((second.status, second.amount_kes), (PaymentStatus::Queued, Kes(PRICE)));
    let named = rig.db.store.orders().get(order.id).await.unwrap().unwrap().payout_id;
    assert_eq!(named, Some(second.id));
    rig.wake(&second).await.unwrap();
    assert_eq!((rig.row(&second).await.status, rig.paid()), (PaymentStatus::Sent, u64::from(PRICE)));
    assert_eq!(rig.asked(Operation::B2c), [second.id.to_hex()]);
}

#[tokio::test]
async fn a_second_attempt_is_not_sent_when_the_first_was_paid_after_all() {
    let rig = rig().await;
    let (order, first) = failed(&rig).await;
    rig.wake(&first).await.unwrap();
    let row = rig.row(&first).await;
    let paid = Payment { status: PaymentStatus::Succeeded, version: row.version + 1, ..row };
    assert_eq!(rig.db.store.payments().replace(&paid).await, Ok(Replaced::Done));
    let second = rig.db.store.payments().of_order(order.id).await.unwrap();
    let second = second.into_iter().find(|row| row.attempt() == Some(2)).unwrap();
    rig.wake(&second).await.unwrap();
    let held = rig.row(&second).await;
    assert_eq!((held.status, held.review), (PaymentStatus::Review, Some(ReviewReason::Contradiction)));
    assert_eq!((rig.asked(Operation::B2c).len(), rig.paid()), (0, 0));
}

fn event(name: &str) -> SqsEvent {
    let path = format!("{}/../../events/{name}.json", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

/// What the function reports as failed.
async fn batch(rig: &Rig, name: &str) -> Vec<String> {
    let response = queue::process(event(name), soon(), Duration::from_secs(1), true, |message| {
        let sender = &rig.sender;
        async move { sender.handle(message.body.as_deref().unwrap_or_default(), soon()).await }
    })
    .await;
    response.batch_item_failures.into_iter().map(|failure| failure.item_identifier).collect()
}

#[tokio::test]
async fn a_batch_sends_its_payout_and_keeps_what_nobody_understands() {
    let rig = rig().await;
    assert_eq!(batch(&rig, "payout-sender").await, ["059f36b4-87a3-44ab-83d2-661975830a7d"], "no such row yet");
    let id = "0c5a8ec6-b1f4-571c-b0d1-d2a3f4e5f607".parse().unwrap();
    let payout = rig.commit(|payout| payout.id = id).await;
    assert!(batch(&rig, "payout-sender").await.is_empty());
    assert_eq!(rig.row(&payout).await.status, PaymentStatus::Sent);
    assert_eq!(batch(&rig, "payout-sender-poison").await, ["m-poison"]);
}
