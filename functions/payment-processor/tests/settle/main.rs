//! Settling, against a real database engine and the simulated Safaricom.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod given_back;
mod world;

use descrow_domain::{
    Timestamp,
    command::{Command, CommandStatus},
    order::{OrderMove, OrderStatus, payment_hash},
    payment::{PaymentStatus, ReviewReason},
};
use descrow_mpesa::{CallbackKind, CallbackMessage};
use descrow_platform::queue::{Disposition, WakeUp};
use payment_processor::Failure;
use sandbox::{Answer, Behaviour, Operation, Policy, Rule};
use world::{BUYER_PHONE, PRICE, World};

/// What is the same after every way that ends well: one record on its way to the contract, the money booked once.
async fn assert_paid(world: &World, payment: &descrow_domain::payment::Payment) {
    let now = world.payment(payment.id).await;
    assert_eq!((now.status, now.review, now.next_check_at), (PaymentStatus::Succeeded, None, None));
    let order = world.order_now(payment.order_id).await;
    let pending = order.pending.expect("the order waits for the contract");
    assert_eq!(
        (order.status, pending.action, order.payment_id),
        (OrderStatus::Created, OrderMove::Fund, Some(payment.id))
    );
    let command = world.record_command(order.id).await.expect("a command");
    assert_eq!((command.status, &command.id), (CommandStatus::Queued, &pending.command_id));
    let Command::RecordPayment { payment_id, tx_hash } = command.command else { panic!("another command") };
    // The receipt is part of the hash where it was known when the payment was settled.
    let hashes = [None, now.receipt.as_deref()].map(|r| format!("0x{}", hex(&payment_hash(payment.id, r))));
    assert_eq!(payment_id, payment.id);
    assert!(hashes.contains(&tx_hash));
    assert_eq!(world.held(order.id).await, i128::from(PRICE.0));
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |text, byte| format!("{text}{byte:02x}"))
}

async fn assert_unpaid(world: &World, payment: &descrow_domain::payment::Payment) {
    let order = world.order_now(payment.order_id).await;
    assert_eq!((order.status, order.pending), (OrderStatus::Created, None));
    assert_eq!(world.record_command(order.id).await, None);
    assert_eq!(world.held(order.id).await, 0);
}

fn check(payment: &descrow_domain::payment::Payment) -> String {
    serde_json::to_string(&WakeUp::new(payment.id.to_string())).unwrap()
}

#[tokio::test]
async fn a_claimed_success_is_confirmed_and_settles_the_payment_once_however_often_it_is_told() {
    let world = World::start().await;
    let order = world.order().await;
    let payment = world.pushed(&order, BUYER_PHONE).await;
    let callback = world.callback().await;
    for _ in 0..3 {
        assert_eq!(world.handle(&callback).await.unwrap(), Disposition::Delete);
        assert_paid(&world, &payment).await;
    }
    assert!(world.payment(payment.id).await.receipt.is_some());
}

#[tokio::test]
async fn two_deliveries_at_once_settle_once() {
    let world = World::start().await;
    let order = world.order().await;
    let payment = world.pushed(&order, BUYER_PHONE).await;
    let callback = world.callback().await;
    let (one, two) = tokio::join!(world.handle(&callback), world.handle(&callback));
    assert_eq!((one.unwrap(), two.unwrap()), (Disposition::Delete, Disposition::Delete));
    assert_paid(&world, &payment).await;
}

#[tokio::test]
async fn a_forged_success_pays_nothing() {
    let world = World::start().await;
    world.sandbox.configure(|s| s.policy = Policy { answer: None, after_ms: 0 });
    let order = world.order().await;
    let payment = world.pushed(&order, BUYER_PHONE).await;
    let body = serde_json::json!({"Body": {"stkCallback": {
        "MerchantRequestID": "1", "CheckoutRequestID": payment.checkout_request_id, "ResultCode": 0, "ResultDesc": "ok",
        "CallbackMetadata": {"Item": [{"Name": "Amount", "Value": 1500.0}, {"Name": "MpesaReceiptNumber", "Value": "NLJ7RT61SV"}]},
    }}});
    let forged = CallbackMessage::new(payment.id, None, body.to_string().as_bytes(), Timestamp::now(), None);
    assert_eq!(world.handle(&forged).await.unwrap(), Disposition::Delete);
    assert_eq!(world.payment(payment.id).await.status, PaymentStatus::Confirming);
    assert_unpaid(&world, &payment).await;
}

#[tokio::test]
async fn a_payment_whose_callback_never_comes_is_settled_by_asking_and_takes_its_receipt_later() {
    let world = World::start().await;
    let late = Behaviour::CallbackLate { ms: 3_000 };
    world.sandbox.misbehave(Rule::once(late).on(Operation::StkPush));
    let order = world.order().await;
    let payment = world.pushed(&order, BUYER_PHONE).await;
    tokio::time::sleep(std::time::Duration::from_millis(500)).await;
    world.processor.handle(&check(&payment), world::deadline()).await.unwrap();
    assert_paid(&world, &payment).await;
    assert_eq!(world.payment(payment.id).await.receipt, None);
    world.handle(&world.callback().await).await.unwrap();
    assert_paid(&world, &payment).await;
    assert!(world.payment(payment.id).await.receipt.is_some());
}

#[tokio::test]
async fn a_callback_that_overtakes_the_push_s_answer_settles_the_payment() {
    let world = World::start().await;
    let order = world.order().await;
    let payment = world.pushed(&order, BUYER_PHONE).await;
    let callback = world.callback().await;
    // As if the route had not yet written what Daraja answered.
    let unanswered = world.committed(&order, BUYER_PHONE).await;
    let callback =
        CallbackMessage::new(unanswered.id, None, callback.body().unwrap().as_bytes(), Timestamp::now(), None);
    world.handle(&callback).await.unwrap();
    assert_paid(&world, &unanswered).await;
    assert_eq!(world.payment(unanswered.id).await.checkout_request_id, payment.checkout_request_id);
}

#[tokio::test]
async fn a_declined_prompt_fails_the_payment_and_leaves_the_order_payable() {
    let world = World::start().await;
    for (answer, code) in [(Answer::Cancel, "1032"), (Answer::WrongPin, "2001"), (Answer::NoMoney, "1")] {
        world.sandbox.configure(|s| s.policy = Policy { answer: Some(answer), after_ms: 20 });
        let phone = format!("2547000{code:0>5}");
        let payment = world.pushed(&world.order().await, &phone).await;
        world.handle(&world.callback().await).await.unwrap();
        let now = world.payment(payment.id).await;
        assert_eq!((now.status, now.result_code.as_deref()), (PaymentStatus::Failed, Some(code)));
        assert_unpaid(&world, &payment).await;
    }
}

#[tokio::test]
async fn an_unknown_code_fails_nothing_and_a_later_query_decides() {
    let world = World::start().await;
    world.sandbox.misbehave(Rule::once(Behaviour::CallbackCode { code: "777".into() }).on(Operation::StkPush));
    let payment = world.pushed(&world.order().await, BUYER_PHONE).await;
    world.handle(&world.callback().await).await.unwrap();
    assert_eq!(world.payment(payment.id).await.status, PaymentStatus::Pending);
    assert_unpaid(&world, &payment).await;
    world.processor.handle(&check(&payment), world::deadline()).await.unwrap();
    assert_paid(&world, &payment).await;
}

#[tokio::test]
async fn a_wrong_amount_is_a_human_s_work() {
    let world = World::start().await;
    world.sandbox.misbehave(Rule::once(Behaviour::CallbackAmount { amount: "1.00".into() }).on(Operation::StkPush));
    let payment = world.pushed(&world.order().await, BUYER_PHONE).await;
    world.handle(&world.callback().await).await.unwrap();
    let now = world.payment(payment.id).await;
    assert_eq!((now.status, now.review), (PaymentStatus::Review, Some(ReviewReason::WrongAmount)));
    assert_unpaid(&world, &payment).await;
}

#[tokio::test]
async fn a_callback_that_names_another_prompt_is_not_believed() {
    let world = World::start().await;
    world.sandbox.configure(|s| s.policy = Policy { answer: None, after_ms: 0 });
    let mine = world.pushed(&world.order().await, BUYER_PHONE).await;
    world.sandbox.configure(|s| s.policy = Policy { answer: Some(Answer::Pay), after_ms: 20 });
    let _other = world.pushed(&world.order().await, "254711000003").await;
    // The callback of a payment that is real, sent to the URL of one that is not.
    let theirs = world.callback().await;
    let misplaced = CallbackMessage::new(mine.id, None, theirs.body().unwrap().as_bytes(), Timestamp::now(), None);
    world.handle(&misplaced).await.unwrap();
    assert_eq!(world.payment(mine.id).await.status, PaymentStatus::Pending);
    assert_unpaid(&world, &mine).await;
}

#[tokio::test]
async fn one_prompt_settles_one_payment() {
    let world = World::start().await;
    let first = world.pushed(&world.order().await, BUYER_PHONE).await;
    let callback = world.callback().await;
    world.handle(&callback).await.unwrap();
    // The same prompt claimed for a payment whose own answer was lost, under another receipt.
    let other = world.committed(&world.order().await, BUYER_PHONE).await;
    let receipt = world.payment(first.id).await.receipt.unwrap();
    let body = callback.body().unwrap().replace(&receipt, "NLJ7RT61SV");
    world.handle(&CallbackMessage::new(other.id, None, body.as_bytes(), Timestamp::now(), None)).await.unwrap();
    let now = world.payment(other.id).await;
    assert_eq!((now.status, now.review), (PaymentStatus::Review, Some(ReviewReason::ReceiptReused)));
    assert_unpaid(&world, &other).await;
    assert_paid(&world, &first).await;
}

#[tokio::test]
async fn what_cannot_be_read_or_belongs_to_nobody_comes_again_until_a_human_sees_it() {
    let world = World::start().await;
    let payment = world.committed(&world.order().await, BUYER_PHONE).await;
    assert!(matches!(world.processor.handle("{}", world::deadline()).await, Err(Failure::Message(_))));
    let nobody = CallbackMessage::new(descrow_domain::PaymentId::new(), None, b"{}", Timestamp::now(), None);
    assert!(matches!(world.handle(&nobody).await, Err(Failure::UnknownPayment(_))));
    let shapeless = CallbackMessage::new(payment.id, None, b"<html>", Timestamp::now(), None);
    assert_eq!(shapeless.kind, CallbackKind::Unrecognised);
    assert!(matches!(world.handle(&shapeless).await, Err(Failure::WrongKind(_))));
    let result = CallbackMessage::new(payment.id, None, br#"{"Result":{"ResultCode":0}}"#, Timestamp::now(), None);
    assert!(matches!(world.handle(&result).await, Err(Failure::WrongKind(_))));
    assert_unpaid(&world, &payment).await;
}

#[tokio::test]
async fn a_payout_that_fails_moves_no_money_and_is_tried_again_only_where_that_can_help() {
    // DARAJA.md §10: our float is filled, limits are new tomorrow; who has no account needs another number, so a human.
    for (code, attempt, again) in [
        ("1", 1, Some(3_600)),
        ("4", 2, Some(86_400)),
        ("8", 1, Some(86_400)),
        ("8", 3, None),
        ("2040", 1, None),
        ("SFC_IC0003", 1, None),
        ("2", 1, None),
    ] {
        let world = World::start().await;
        world.sandbox.misbehave(Rule::once(Behaviour::PayoutCode { code: code.into() }).on(Operation::B2c));
        let order = world.order().await;
        let payout = world.paid_out(&order, attempt).await;
        let result = world.callback().await;
        for _ in 0..2 {
            world.handle(&result).await.unwrap();
            let now = world.payment(payout.id).await;
            assert_eq!((now.status, now.result_code.as_deref()), (PaymentStatus::Failed, Some(code)));
            let at = again.map(|seconds| now.updated_at.plus_seconds(seconds));
            assert_eq!(now.next_check_at, at, "{code}, attempt {attempt}");
            assert_eq!(world.held(order.id).await, 0);
        }
    }
}

#[tokio::test]
async fn a_payout_is_booked_once_even_when_its_order_no_longer_waits_for_it() {
    let world = World::start().await;
    let order = world.order().await;
    let payout = world.paid_out(&order, 1).await;
    let result = world.callback().await;
    for _ in 0..2 {
        world.handle(&result).await.unwrap();
        assert_eq!(world.payment(payout.id).await.status, PaymentStatus::Succeeded);
        assert_eq!(world.held(order.id).await, -i128::from(PRICE.0));
    }
    assert_eq!(world.order_now(order.id).await.status, OrderStatus::Created);
}
