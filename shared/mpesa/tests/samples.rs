//! The callback samples under `events/daraja`, each read whole.

#![allow(clippy::panic, reason = "a test that cannot go on should stop")]

use descrow_domain::{Kes, Timestamp};
use descrow_mpesa::{
    Callback, CallbackKind, KesCents, PayoutFailure, PayoutOutcome, ResultCallback, StkCallback, StkOutcome,
    TransactionStatus,
};

fn text(name: &str) -> String {
    let path = format!("{}/../../events/daraja/{name}.json", env!("CARGO_MANIFEST_DIR"));
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{name}: {error}"))
}

fn stk(name: &str) -> StkCallback {
    match Callback::parse(&text(name)) {
        Ok(Callback::Stk(callback)) => callback,
        other => panic!("{name}: {other:?}"),
    }
}

fn result(name: &str) -> ResultCallback {
    match Callback::parse(&text(name)) {
        Ok(Callback::Result(result)) => result,
        other => panic!("{name}: {other:?}"),
    }
}

const PRICE: Option<KesCents> = Some(KesCents(258_000));
/// 2026-11-22 18:30:15 in Nairobi.
const PAID_AT: Option<Timestamp> = Some(Timestamp(1_795_361_415_000));

#[test]
fn a_paid_push_is_read_whole() {
    let callback = stk("stk-success");
    assert_eq!(StkOutcome::of_callback(&callback.result_code), StkOutcome::Paid);
    assert_eq!(callback.amount.and_then(KesCents::whole), Some(Kes(2580)));
    assert_eq!(callback.receipt, "TKM8RT61SV".parse().ok());
    assert_eq!(callback.checkout_request_id, "ws_CO_22112026183000123708374149".parse().ok());
    assert_eq!(callback.merchant_request_id, "2654-4b64-97ff-b827b542881d3130".parse().ok());
    assert_eq!(callback.transacted_at, PAID_AT);
}

#[test]
fn strings_masks_and_missing_values_are_read_as_far_as_they_go() {
    let callback = stk("stk-odd");
    assert_eq!((callback.result_code.as_str(), callback.amount, callback.receipt), ("0", PRICE, None));
    assert_eq!(callback.transacted_at, PAID_AT);
}

#[test]
fn failures_are_told_apart() {
    let cancelled = StkOutcome::of_callback(&stk("stk-cancelled").result_code);
    assert!(matches!(cancelled, StkOutcome::Failed(failure) if failure.reason == "cancelled"));
    let operator = StkOutcome::of_callback(&stk("stk-unknown-operator").result_code);
    assert!(matches!(operator, StkOutcome::Misconfigured(_)));
    let failure = PayoutFailure { reason: "receiver_not_registered", other_number: true };
    let failed = result("b2c-failed");
    assert_eq!(PayoutOutcome::of_result(&failed.result_code), PayoutOutcome::Failed(failure));
    assert_eq!(failed.receipt(), None, "a failure's TransactionID is a dummy");
}

#[test]
fn a_paid_payout_is_read_whole() {
    let paid = result("b2c-success");
    assert_eq!(PayoutOutcome::of_result(&paid.result_code), PayoutOutcome::Paid);
    assert_eq!((paid.amount(), paid.receipt()), (PRICE, "TKM632NMUAB".parse().ok()));
    assert_eq!(paid.originator_conversation_id, "0c5a8ec6b1f4571cb0d1d2a3f4e5f607".parse().ok());
    assert_eq!(paid.conversation_id, "AG_20261122_20106e9209f64bebd05b".parse().ok());
}

#[test]
fn a_status_names_its_subject_and_its_fate() {
    let status = result("status-completed");
    assert_eq!(status.transaction_status(), Some(TransactionStatus::Completed));
    assert_eq!(status.subject(), "0c5a8ec6b1f4571cb0d1d2a3f4e5f607".parse().ok());
    assert_eq!((status.amount(), status.receipt()), (PRICE, "TKM632NMUAB".parse().ok()));
}

#[test]
fn a_timeout_notice_is_read_with_and_without_its_envelope() {
    for name in ["b2c-timeout", "b2c-timeout-flat"] {
        let notice = result(name);
        assert!(notice.more_follows, "{name}");
        assert_eq!((notice.amount(), notice.receipt(), notice.transaction_status()), (None, None, None), "{name}");
        assert_eq!(CallbackKind::of_body(&text(name)), CallbackKind::Result, "{name}");
    }
}
