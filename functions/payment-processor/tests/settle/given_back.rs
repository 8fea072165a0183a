//! Money that came for an order that cannot take it goes back to the phone that paid it, once, and the books say so.

use descrow_domain::{
    order::{Order, OrderStatus},
    payment::{Payment, PaymentKind, PaymentStatus, ReviewReason},
};
use descrow_platform::queue::Disposition;

use crate::{
    assert_paid,
    world::{BUYER_PHONE, PRICE, World},
};

const OTHER_PHONE: &str = "254711000002";

/// The one refund of `collection`, as far as its row tells before it is sent.
async fn refund_of(world: &World, collection: &Payment) -> Payment {
    let rows = world.db.store.payments().of_order(collection.order_id).await.unwrap();
    let refunds: Vec<Payment> = rows.into_iter().filter(|row| row.kind == PaymentKind::Refund).collect();
    let [refund] = refunds.try_into().unwrap();
    let refund: Payment = refund;
    let expected = Payment::refund(collection, 1, PRICE, refund.created_at);
    let settled = Payment {
        status: refund.status,
        version: refund.version,
        next_check_at: refund.next_check_at,
        updated_at: refund.updated_at,
        callback_at: refund.callback_at,
        result_code: refund.result_code.clone(),
        receipt: refund.receipt.clone(),
        ..expected
    };
    assert_eq!(refund, settled);
    refund
}

/// The refund is sent by M-Pesa and its result comes twice: the phone has its money, and the escrow holds `held`.
async fn comes_back(world: &World, refund: &Payment, held: u32) {
    world.sent_back(refund).await;
    let result = world.callback().await;
    for _ in 0..2 {
        assert_eq!(world.handle(&result).await.unwrap(), Disposition::Delete);
        let now = world.payment(refund.id).await;
        assert_eq!((now.status, now.next_check_at), (PaymentStatus::Succeeded, None));
        assert_eq!(world.held(refund.order_id).await, i128::from(held));
    }
    assert_eq!(world.sandbox.received(refund.phone.digits()), u64::from(PRICE.0));
}

#[tokio::test]
async fn a_second_success_for_an_order_goes_back_and_is_not_recorded_on_the_contract() {
    let world = World::start().await;
    let order = world.order().await;
    let first = world.pushed(&order, BUYER_PHONE).await;
    world.handle(&world.callback().await).await.unwrap();
    let second = world.pushed(&order, OTHER_PHONE).await;
    let callback = world.callback().await;
    for _ in 0..3 {
        world.handle(&callback).await.unwrap();
        let now = world.payment(second.id).await;
        assert_eq!((now.status, now.review), (PaymentStatus::Review, Some(ReviewReason::SecondPayment)));
        assert_eq!(refund_of(&world, &second).await.status, PaymentStatus::Queued);
        assert_eq!(world.held(order.id).await, 2 * i128::from(PRICE.0), "both payments, one of them owed to its payer");
    }
    let refund = refund_of(&world, &second).await;
    comes_back(&world, &refund, PRICE.0).await;
    assert_paid(&world, &first).await;
}

/// A payment whose success comes when its order stands as `order` does.
async fn too_late(world: &World, order: &Order) {
    let payment = world.pushed(order, BUYER_PHONE).await;
    let callback = world.callback().await;
    let (one, two) = tokio::join!(world.handle(&callback), world.handle(&callback));
    assert_eq!((one.unwrap(), two.unwrap()), (Disposition::Delete, Disposition::Delete));
    let now = world.payment(payment.id).await;
    assert_eq!((now.status, now.review), (PaymentStatus::Review, Some(ReviewReason::OrderClosed)));
    assert_eq!(world.held(order.id).await, i128::from(PRICE.0));
    let refund = refund_of(world, &payment).await;
    comes_back(world, &refund, 0).await;
    assert_eq!(world.order_now(order.id).await, *order, "the order stays as it was");
    assert_eq!(world.record_command(order.id).await, None);
}

#[tokio::test]
async fn a_success_that_comes_after_the_cancellation_goes_back() {
    let world = World::start().await;
    let order = world.order().await;
    let cancelled = world.moved(&order, OrderStatus::Cancelled).await;
    Box::pin(too_late(&world, &cancelled)).await;
}

#[tokio::test]
async fn a_success_that_comes_while_the_cancellation_is_pending_goes_back() {
    use descrow_domain::{Timestamp, command::Command};
    let world = World::start().await;
    let (next, command) = world.order().await.asking(Command::Cancel, None, Timestamp::now());
    let requested = world.db.store.orders().request_move(&next, &command, None).await.unwrap();
    assert_eq!(requested, descrow_store::Requested::Done);
    Box::pin(too_late(&world, &next)).await;
}

#[tokio::test]
async fn a_receipt_that_is_learned_after_the_decision_is_taken_all_the_same() {
    let world = World::start().await;
    let late = sandbox::Behaviour::CallbackLate { ms: 3_000 };
    world.sandbox.misbehave(sandbox::Rule::once(late).on(sandbox::Operation::StkPush));
    let cancelled = world.moved(&world.order().await, OrderStatus::Cancelled).await;
    let payment = world.pushed(&cancelled, BUYER_PHONE).await;
    tokio::time::sleep(std::time::Duration::from_millis(500)).await;
    world.processor.handle(&crate::check(&payment), crate::world::deadline()).await.unwrap();
    assert_eq!(world.payment(payment.id).await.receipt, None);
    let refund = refund_of(&world, &payment).await;
    world.handle(&world.callback().await).await.unwrap();
    assert!(world.payment(payment.id).await.receipt.is_some());
    assert_eq!(refund_of(&world, &payment).await, refund, "nothing more goes back");
}

#[tokio::test]
async fn another_amount_that_an_admin_confirmed_goes_back_once_whatever_is_heard_of_it_later() {
    use descrow_domain::{
        Account, Kes, Timestamp,
        audit::{AuditAction, AuditEntry},
        payment::{OrderFooting, Stated},
    };
    let world = World::start().await;
    let wrong = sandbox::Behaviour::CallbackAmount { amount: "1.00".into() };
    world.sandbox.misbehave(sandbox::Rule::once(wrong).on(sandbox::Operation::StkPush));
    let order = world.order().await;
    let payment = world.pushed(&order, BUYER_PHONE).await;
    let callback = world.callback().await;
    world.handle(&callback).await.unwrap();
    let held = world.payment(payment.id).await;
    assert_eq!((held.review, world.held(order.id).await), (Some(ReviewReason::WrongAmount), 0));
    let receipt = held.receipt.clone().unwrap().parse().unwrap();
    let (now, stated) = (Timestamp::now(), Stated::Paid { amount: Kes(11), receipt });
    let ended = held.stated(&stated, OrderFooting::Payable, now).unwrap();
    let admin = Account::from_bytes([9; 32]);
    let entry =
        AuditEntry::new(admin, AuditAction::SettlePayment, format!("mpesa_transactions/{}", held.id), None, now);
    let settled = world.db.store.payments().settle_as_stated(&ended, &entry).await;
    assert_eq!(settled, Ok(descrow_store::Settled::Done));
    world.handle(&callback).await.unwrap();
    world.processor.handle(&crate::check(&payment), crate::world::deadline()).await.unwrap();
    assert_eq!(world.payment(payment.id).await, ended.payment);
    assert_eq!((world.held(order.id).await, world.record_command(order.id).await), (11, None));
    let refund = ended.refund.unwrap();
    world.sent_back(&refund).await;
    let result = world.callback().await;
    for _ in 0..2 {
        world.handle(&result).await.unwrap();
        assert_eq!(world.payment(refund.id).await.status, PaymentStatus::Succeeded);
        assert_eq!((world.held(order.id).await, world.sandbox.received(BUYER_PHONE)), (0, 11));
    }
}
