//! Requests that M-Pesa, or nobody, took: what certainly was not sent is sent later, however late, and paid once.

use descrow_domain::{
    PaymentId, Timestamp,
    order::{Money, OrderStatus},
    payment::{Payment, PaymentStatus, ReviewReason},
};
use descrow_mpesa::{B2cSettings, CallError};
use descrow_platform::Secret;
use payout_sender::Failure;
use sandbox::{Behaviour, Operation, Rule};

use crate::rig::{PRICE, Rig, rig, rig_as};

const FIFTY_HOURS: i64 = 50 * 3600;

/// A payout that was owed `seconds` ago.
async fn owed_since(rig: &Rig, seconds: i64) -> Payment {
    rig.commit(|payout| payout.created_at = Timestamp::now().plus_seconds(-seconds)).await
}

/// M-Pesa's answer to whoever asks with our configuration.
fn misconfigured() -> Behaviour {
    Behaviour::Error { status: 500, code: "500.001.1001".into(), message: "Merchant does not exist".into() }
}

#[tokio::test]
async fn a_configuration_that_is_refused_for_days_and_then_mended_pays_once() {
    let mut rig = rig_as("600999").await;
    for seconds in [0, 47 * 3600, FIFTY_HOURS] {
        let payout = owed_since(&rig, seconds).await;
        for attempts in 1..=2 {
            let refused = rig.wake(&payout).await.unwrap_err();
            assert!(matches!(refused, Failure::Configuration { error: CallError::Misconfigured(_), .. }), "{refused}");
            let row = rig.row(&payout).await;
            assert_eq!((row.status, row.review, row.attempts), (PaymentStatus::Queued, None, attempts), "{seconds}");
            assert!(row.next_check_at.unwrap() > Timestamp::now(), "looked at later, not at once: {seconds}");
            assert!(row.withdrawn(Timestamp::now()).is_some(), "a dispute takes it back");
        }
        let credential = Secret::new(sandbox::SECURITY_CREDENTIAL);
        rig.sender.b2c = B2cSettings::new(sandbox::PAYOUT_SHORTCODE, sandbox::INITIATOR, credential);
        let before = rig.paid();
        for _ in 0..2 {
            rig.wake(&payout).await.unwrap();
            let row = rig.row(&payout).await;
            assert_eq!((row.status, row.review), (PaymentStatus::Sent, None), "{seconds}");
            assert!(row.next_check_at.unwrap() > Timestamp::now(), "the result has its time: {seconds}");
            assert_eq!(rig.paid() - before, u64::from(PRICE), "{seconds}");
        }
        rig.sender.b2c = B2cSettings::new("600999", sandbox::INITIATOR, Secret::new(sandbox::SECURITY_CREDENTIAL));
    }
}

#[tokio::test]
async fn wrong_credentials_end_no_payout_however_long_they_stay_wrong() {
    let rig = rig().await;
    let payout = owed_since(&rig, FIFTY_HOURS).await;
    for n in 1..=3 {
        rig.sandbox.misbehave(Rule::once(Behaviour::EmptyRefusal).on(Operation::Oauth));
        let refused = rig.wake(&payout).await.unwrap_err();
        assert!(matches!(refused, Failure::Configuration { error: CallError::BadCredentials, .. }), "{refused}");
        let row = rig.row(&payout).await;
        assert_eq!((row.status, row.attempts), (PaymentStatus::Queued, n));
    }
    rig.wake(&payout).await.unwrap();
    assert_eq!((rig.row(&payout).await.status, rig.paid()), (PaymentStatus::Sent, u64::from(PRICE)));
    assert_eq!(rig.asked(Operation::B2c), [payout.id.to_hex()]);
}

#[tokio::test]
async fn after_an_unanswered_send_nothing_is_certain_any_more() {
    for trouble in [misconfigured(), error("400.002.02", "Bad Request - Invalid ResultURL")] {
        let rig = rig().await;
        let payout = owed_since(&rig, FIFTY_HOURS).await;
        rig.sandbox.misbehave(Rule::once(Behaviour::LoseAnswer).on(Operation::B2c));
        rig.wake(&payout).await.unwrap();
        let unanswered = rig.row(&payout).await;
        assert_eq!((unanswered.status, unanswered.review), (PaymentStatus::Sending, None), "48 hours begin now");
        rig.sandbox.misbehave(Rule::once(trouble.clone()).on(Operation::B2c));
        let _ = rig.wake(&payout).await;
        let row = rig.row(&payout).await;
        assert_eq!((row.status, row.review), (PaymentStatus::Sending, None), "{trouble:?}");
        assert_eq!((row.withdrawn(Timestamp::now()), row.again(None, Timestamp::now())), (None, None));
        rig.wake(&payout).await.unwrap();
        assert_eq!((rig.row(&payout).await.status, rig.paid()), (PaymentStatus::Sent, u64::from(PRICE)), "{trouble:?}");
    }
}

#[tokio::test]
async fn a_question_that_cannot_be_asked_ends_nothing_and_one_without_answer_does() {
    let rig = rig().await;
    let payout = rig
        .commit(|payout| {
            payout.status = PaymentStatus::Sent;
            payout.created_at = Timestamp::now().plus_seconds(-FIFTY_HOURS);
            payout.submitted_at = Some(payout.created_at);
            payout.next_check_at = Some(Timestamp(1));
        })
        .await;
    rig.sandbox.misbehave(Rule::once(misconfigured()).on(Operation::TransactionStatus));
    assert!(matches!(rig.wake(&payout).await, Err(Failure::Configuration { .. })));
    let row = rig.row(&payout).await;
    assert_eq!((row.status, row.review), (PaymentStatus::Sent, None));
    let due = Payment { next_check_at: Some(Timestamp(1)), version: row.version + 1, ..row };
    rig.db.store.payments().replace(&due).await.unwrap();
    rig.sandbox.misbehave(Rule::once(Behaviour::Hang { ms: 0 }).on(Operation::TransactionStatus));
    rig.wake(&payout).await.unwrap();
    let row = rig.row(&payout).await;
    assert_eq!((row.status, row.review), (PaymentStatus::Review, Some(ReviewReason::Unresolved)));
}

fn error(code: &str, message: &str) -> Behaviour {
    Behaviour::Error { status: 400, code: code.into(), message: message.into() }
}

#[tokio::test]
async fn a_refused_request_is_a_human_s() {
    let rig = rig().await;
    rig.sandbox.configure(|settings| settings.https_only = true);
    let payout = rig.commit(|_| {}).await;
    rig.wake(&payout).await.unwrap();
    let row = rig.row(&payout).await;
    assert_eq!((row.status, row.review), (PaymentStatus::Review, Some(ReviewReason::RequestRefused)));
    assert_eq!((row.result_code.as_deref(), rig.paid()), (Some("400.002.02"), 0));
}

#[tokio::test]
async fn what_is_too_little_for_m_pesa_is_a_human_s() {
    let rig = rig().await;
    let payout = rig.commit(|payout| payout.amount_kes = descrow_domain::Kes(9)).await;
    rig.wake(&payout).await.unwrap();
    let row = rig.row(&payout).await;
    assert_eq!((row.status, row.review), (PaymentStatus::Review, Some(ReviewReason::RequestRefused)));
    assert_eq!((rig.asked(Operation::B2c).len(), rig.paid()), (0, 0));
}

#[tokio::test]
async fn a_refused_request_is_sent_anew_under_another_id_and_paid_once() {
    let rig = rig().await;
    let order = rig.delivered().await;
    let first = Payment::payout(
        order.id,
        1,
        order.seller_id,
        "254708374149".parse().unwrap(),
        order.quote.kes,
        Timestamp::now(),
    );
    let first = rig.commit(|payout| *payout = first).await;
    rig.sandbox.misbehave(Rule::once(error("400.002.02", "Bad Request - Invalid Remarks")).on(Operation::B2c));
    rig.wake(&first).await.unwrap();
    let refused = rig.row(&first).await;
    assert_eq!((refused.status, refused.review), (PaymentStatus::Review, Some(ReviewReason::RequestRefused)));
    assert!(!Money { payment: None, payout: Some(&refused) }.has_left(), "its order can be disputed");
    let next = refused.again(None, Timestamp::now()).unwrap();
    let retried = rig.db.store.payments().retry(&refused, &next, None).await;
    assert_eq!(retried, Ok(descrow_store::Retried::Done));
    let over = rig.row(&first).await;
    assert_eq!((over.status, over.review), (PaymentStatus::Failed, None));
    rig.wake(&next).await.unwrap();
    rig.wake(&first).await.unwrap();
    assert_eq!((rig.row(&next).await.status, rig.paid()), (PaymentStatus::Sent, u64::from(PRICE)));
    let second = PaymentId::derived(order.id.as_uuid(), "payout-2");
    assert_eq!(rig.asked(Operation::B2c), [first.id.to_hex(), second.to_hex()]);
    let order = rig.db.store.orders().get(order.id).await.unwrap().unwrap();
    assert_eq!((order.status, order.payout_id), (OrderStatus::Delivered, Some(second)));
}
