//! B2C and transaction status against every misbehaviour of DARAJA.md §13.

use std::time::Duration;

use crate::support::{PHONE, Rig, rig, soon};
use descrow_domain::PaymentId;
use descrow_mpesa::{
    B2cSettings, CallError, Callback, KesCents, PayoutAccepted, PayoutFailure, PayoutOutcome, ResultCallback,
    StatusQuery, TransactionStatus,
};
use descrow_platform::Secret;
use sandbox::{Behaviour, DuplicateStyle, Operation, Rule};

fn parsed(body: &str) -> ResultCallback {
    match Callback::parse(body) {
        Ok(Callback::Result(result)) => result,
        other => panic!("{other:?}: {body}"),
    }
}

fn outcome(result: &ResultCallback) -> PayoutOutcome {
    PayoutOutcome::of_result(&result.result_code)
}

/// The received total of the phone.
async fn received(rig: &Rig) -> u64 {
    rig.control("ledger").await["phones"][PHONE]["received"].as_u64().unwrap_or_default()
}

async fn paid_under(rules: Vec<Behaviour>, callbacks: usize) -> (Rig, PaymentId, Vec<(String, String)>) {
    let rig = rig().await;
    for behaviour in rules {
        rig.sandbox.misbehave(Rule::once(behaviour));
    }
    let (id, payout) = rig.payout(1000);
    let accepted = rig.daraja.payout(&rig.b2c, &payout, soon()).await.unwrap();
    assert!(matches!(accepted, PayoutAccepted::Queued(Some(_))));
    let arrived = rig.arrived(callbacks).await;
    (rig, id, arrived)
}

#[tokio::test]
async fn a_payout_is_accepted_then_paid() {
    let (rig, id, arrived) = paid_under(vec![], 1).await;
    assert!(arrived[0].0.ends_with(&id.to_hex()), "{}", arrived[0].0);
    let result = parsed(&arrived[0].1);
    assert_eq!((outcome(&result), result.amount()), (PayoutOutcome::Paid, Some(KesCents(100_000))));
    assert_eq!(result.originator_conversation_id.as_ref().map(|o| o.as_str().to_owned()), Some(id.to_hex()));
    assert!(result.receipt().is_some() && result.completed_at().is_some());
    let ledger = rig.control("ledger").await;
    assert_eq!(ledger["shortcodes"]["600000"]["paid"], 1000);
    assert_eq!(received(&rig).await, 1000);
}

#[tokio::test]
async fn the_same_payout_is_paid_once_however_its_duplicate_is_refused() {
    for style in [DuplicateStyle::Error, DuplicateStyle::ResponseCode, DuplicateStyle::Result] {
        let rig = rig().await;
        rig.sandbox.configure(|settings| settings.duplicate_style = style);
        let (_, payout) = rig.payout(1000);
        rig.sandbox.misbehave(Rule::once(Behaviour::LoseAnswer).on(Operation::B2c));
        assert_eq!(rig.daraja.payout(&rig.b2c, &payout, soon()).await, Err(CallError::NoAnswer));
        let again = rig.daraja.payout(&rig.b2c, &payout, soon()).await.unwrap();
        let results = if style == DuplicateStyle::Result {
            assert!(matches!(again, PayoutAccepted::Queued(_)));
            2
        } else {
            assert_eq!(again, PayoutAccepted::Already, "{style:?}");
            1
        };
        let mut outcomes: Vec<_> = rig.arrived(results).await.iter().map(|(_, body)| outcome(&parsed(body))).collect();
        outcomes.sort_by_key(|o| *o != PayoutOutcome::Paid);
        assert_eq!(outcomes[0], PayoutOutcome::Paid);
        assert!(outcomes[1..].iter().all(|o| *o == PayoutOutcome::Duplicate));
        assert_eq!(received(&rig).await, 1000, "{style:?}");
    }
}

#[tokio::test]
async fn an_internal_error_is_not_taken_for_a_duplicate() {
    let rig = rig().await;
    let error = Behaviour::Error { status: 500, code: "500.002.1001".into(), message: "System internal error.".into() };
    rig.sandbox.misbehave(Rule::once(error).on(Operation::B2c));
    let (_, payout) = rig.payout(1000);
    assert_eq!(rig.daraja.payout(&rig.b2c, &payout, soon()).await, Err(CallError::NoAnswer));
    assert_eq!(received(&rig).await, 0);
}

#[tokio::test]
async fn odd_results_are_read() {
    for behaviour in [Behaviour::RepeatedKeys, Behaviour::CallbackStrings] {
        let (_, _, arrived) = paid_under(vec![behaviour.clone()], 1).await;
        let result = parsed(&arrived[0].1);
        assert_eq!(
            (outcome(&result), result.amount()),
            (PayoutOutcome::Paid, Some(KesCents(100_000))),
            "{behaviour:?}"
        );
    }
    let (_, _, arrived) = paid_under(vec![Behaviour::SingleParameter], 1).await;
    let result = parsed(&arrived[0].1);
    assert_eq!(result.amount(), Some(KesCents(100_000)), "one parameter as an object");
    assert!(result.receipt().is_some(), "from the outer TransactionID");
}

#[tokio::test]
async fn a_timeout_notice_comes_on_its_own_path_and_the_result_may_follow_or_not() {
    let (_, id, arrived) = paid_under(vec![Behaviour::TimeoutFirst], 2).await;
    assert!(arrived[0].0.ends_with(&format!("{}/timeout", id.to_hex())), "{}", arrived[0].0);
    assert!(parsed(&arrived[0].1).more_follows);
    assert_eq!(outcome(&parsed(&arrived[1].1)), PayoutOutcome::Paid);

    let (rig, id, arrived) = paid_under(vec![Behaviour::TimeoutOnly], 1).await;
    assert!(arrived[0].0.ends_with("/timeout"));
    assert_eq!(received(&rig).await, 1000, "timed out is not failed");
    rig.daraja.transaction_status(&rig.b2c, &StatusQuery::of_payout(id, &rig.urls), soon()).await.unwrap();
    let (path, body) = rig.arrived(2).await.remove(1);
    assert!(path.ends_with(&format!("{}/status", id.to_hex())), "{path}");
    let status = parsed(&body);
    assert_eq!(status.transaction_status(), Some(TransactionStatus::Completed));
    assert_eq!(status.subject().map(|s| s.as_str().to_owned()), Some(id.to_hex()));
    assert_eq!(status.amount(), Some(KesCents(100_000)));
    assert!(status.receipt().is_some());
}

#[tokio::test]
async fn the_status_of_a_failed_and_of_an_unknown_payout_is_told() {
    let (rig, id, arrived) = paid_under(vec![Behaviour::PayoutCode { code: "2040".into() }], 1).await;
    let failure = PayoutFailure { reason: "receiver_not_registered", other_number: true };
    assert_eq!(outcome(&parsed(&arrived[0].1)), PayoutOutcome::Failed(failure));
    let ask = async |id| {
        rig.daraja.transaction_status(&rig.b2c, &StatusQuery::of_payout(id, &rig.urls), soon()).await.unwrap();
    };
    ask(id).await;
    assert_eq!(parsed(&rig.arrived(2).await[1].1).transaction_status(), Some(TransactionStatus::NotMoved));
    ask(PaymentId::new()).await;
    let unknown = parsed(&rig.arrived(3).await[2].1);
    assert_eq!((unknown.result_code.as_str(), unknown.transaction_status()), ("R000002", None));
    assert_eq!(received(&rig).await, 0);
}

#[tokio::test]
async fn an_empty_float_fails_and_bad_credentials_lock_the_initiator() {
    let rig = rig().await;
    rig.tell("PUT", "wallets/600000", serde_json::json!({"balance": 999})).await;
    rig.daraja.payout(&rig.b2c, &rig.payout(1000).1, soon()).await.unwrap();
    let failure = PayoutFailure { reason: "insufficient_float", other_number: false };
    assert_eq!(outcome(&parsed(&rig.arrived(1).await[0].1)), PayoutOutcome::Failed(failure));

    let wrong = B2cSettings::new("600000", "testapi", Secret::new("wrong"));
    for (sent, code) in [(2, "2001"), (3, "2001"), (4, "2001"), (5, "8006")] {
        rig.daraja.payout(&wrong, &rig.payout(10).1, soon()).await.unwrap();
        let result = parsed(&rig.arrived(sent).await[sent - 1].1);
        assert_eq!(outcome(&result), PayoutOutcome::Misconfigured(code.parse().unwrap()));
    }
    let stranger = B2cSettings::new("600999", "testapi", Secret::new("x"));
    assert!(matches!(rig.daraja.payout(&stranger, &rig.payout(10).1, soon()).await, Err(CallError::Misconfigured(_))));
}

#[tokio::test]
async fn a_reset_begins_a_new_world() {
    let rig = rig().await;
    rig.sandbox.misbehave(Rule::once(Behaviour::CallbackLate { ms: 200 }));
    rig.daraja.payout(&rig.b2c, &rig.payout(1000).1, soon()).await.unwrap();
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert_eq!(rig.tell("POST", "reset", serde_json::Value::Null).await, 204);
    tokio::time::sleep(Duration::from_millis(250)).await;
    rig.arrived(0).await;
    assert_eq!((received(&rig).await, rig.count("b2c").await), (0, 0));
    // The token went with the world; the client finds out and gets another.
    rig.daraja.payout(&rig.b2c, &rig.payout(1000).1, soon()).await.unwrap();
}
