//! The sample events, as Lambda hands them over.
#![allow(clippy::unwrap_used, clippy::panic)]

use aws_lambda_events::event::sqs::SqsEvent;
use descrow_domain::PaymentId;
use descrow_mpesa::{Callback, CallbackKind};
use payment_processor::{Unreadable, Work};

fn works(sample: &str) -> Vec<Result<Work, Unreadable>> {
    let event: SqsEvent = serde_json::from_str(sample).unwrap();
    event.records.into_iter().map(|message| Work::parse(message.body.as_deref().unwrap_or_default())).collect()
}

fn payment() -> PaymentId {
    "0190a2b0000070008000000000000003".parse().unwrap()
}

#[test]
fn callbacks_are_read_with_their_payment_kind_and_code() {
    for (sample, kind, code) in [
        (include_str!("../../../events/payment-processor-paid.json"), CallbackKind::Stk, "0"),
        (include_str!("../../../events/payment-processor-cancelled.json"), CallbackKind::Stk, "1032"),
        (include_str!("../../../events/payment-processor-payout.json"), CallbackKind::Result, "0"),
    ] {
        let works = works(sample);
        let [Ok(Work::Callback(message))] = works.as_slice() else { panic!("{works:?}") };
        let read = match message.callback().unwrap() {
            Callback::Stk(heard) => heard.result_code,
            Callback::Result(heard) => heard.result_code,
        };
        assert_eq!((message.payment_id, message.kind, read.as_str()), (payment(), kind, code));
    }
}

#[test]
fn a_wake_up_asks_for_a_check() {
    assert_eq!(works(include_str!("../../../events/payment-processor-check.json")), [Ok(Work::Check(payment()))]);
}

#[test]
fn poison_is_refused_without_its_neighbour() {
    let works = works(include_str!("../../../events/payment-processor-poison.json"));
    assert_eq!(works, [Err(Unreadable), Err(Unreadable), Ok(Work::Check(payment()))]);
}
