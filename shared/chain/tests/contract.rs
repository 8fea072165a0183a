//! The reference contract on a real chain: every message, every refusal, repeats, batches and money.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test stops at what it did not expect")]

mod world;

use std::time::Duration;

use descrow_chain::{
    Address, DryRunError, EscrowCall, EscrowEvent, OffchainPayment, OrderRef, Resolution, Submission,
    event::ContractStatus,
};
use descrow_domain::Planck;
use world::{AMOUNT, MORTALITY, World, deadline, key, new_order};

#[tokio::test(flavor = "multi_thread")]
async fn an_order_paid_by_phone_is_recorded_shipped_and_delivered() {
    let world = World::new().await;
    let order = new_order();
    assert_eq!(world.status(order).await, ContractStatus::None);
    let (buyer, seller) = (Address::of(&world.buyer.account()), Address::of(&world.seller.account()));
    let created =
        EscrowEvent::OrderCreated { order, buyer, seller, amount: AMOUNT, metadata_cid: "bafymetadata".into() };
    assert_eq!(world.send(&world.create(order), &world.oracle).await.unwrap(), [created]);
    // The same again succeeds and says nothing.
    assert_eq!(world.send(&world.create(order), &world.oracle).await.unwrap(), []);
    let payment = world.payment(order);
    let funded = EscrowEvent::OrderFunded { order, amount: AMOUNT, held: false, payment: Some(payment.payment) };
    assert_eq!(world.send(&EscrowCall::RecordPayment(payment), &world.oracle).await.unwrap(), [funded]);
    let ship = EscrowCall::MarkShipped { order, tracking_cid: "bafytracking".into() };
    let shipped = EscrowEvent::OrderShipped { order, tracking_cid: "bafytracking".into() };
    // The oracle acts for the seller, and for the buyer.
    assert_eq!(world.send(&ship, &world.oracle).await.unwrap(), [shipped]);
    let confirm = EscrowCall::ConfirmDelivery { order };
    assert_eq!(world.send(&confirm, &world.oracle).await.unwrap(), [EscrowEvent::OrderDelivered { order }]);
    let head = world.chain.finalized_head(deadline()).await.unwrap();
    let at = world.chain.at(head, deadline()).await.unwrap();
    let state = world.contract.order_state(&at, order, deadline()).await.unwrap();
    assert_eq!((state.status, state.payment, state.held), (ContractStatus::Delivered, Some(payment.payment), false));
    assert_eq!((state.buyer, state.seller, state.amount), (buyer, seller, AMOUNT));
    assert_eq!((state.metadata_cid.as_str(), state.tracking_cid.as_str()), ("bafymetadata", "bafytracking"));
    // Nothing of it can happen twice.
    assert_eq!(world.refused(&EscrowCall::RecordPayment(payment), &world.oracle).await, "PaymentAlreadyRecorded");
    assert_eq!(world.refused(&ship, &world.seller).await, "WrongStatus");
    assert_eq!(world.refused(&confirm, &world.buyer).await, "WrongStatus");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_paid_in_dot_is_paid_out_to_the_last_planck() {
    let world = World::new().await;
    let order = world.order_at(ContractStatus::Created, true).await;
    let fund = |amount| EscrowCall::Fund { order, amount: Planck(amount) };
    for wrong in [0, AMOUNT.0 - 1, AMOUNT.0 + 1] {
        assert_eq!(world.refused(&fund(wrong), &world.buyer).await, "WrongValue");
    }
    assert_eq!(world.refused(&fund(AMOUNT.0), &world.seller).await, "NotAllowed");
    let funded = EscrowEvent::OrderFunded { order, amount: AMOUNT, held: true, payment: None };
    assert_eq!(world.send(&fund(AMOUNT.0), &world.buyer).await.unwrap(), [funded]);
    assert_eq!(world.refused(&fund(AMOUNT.0), &world.buyer).await, "WrongStatus");
    let ship = EscrowCall::MarkShipped { order, tracking_cid: String::new() };
    world.send(&ship, &world.seller).await.unwrap();
    let before = world.free(&world.seller).await;
    let events = world.send(&EscrowCall::ConfirmDelivery { order }, &world.buyer).await.unwrap();
    assert_eq!(events, [EscrowEvent::OrderDelivered { order }, EscrowEvent::OrderCompleted { order, paid: AMOUNT }]);
    assert_eq!(world.free(&world.seller).await, before + AMOUNT.0);
    assert_eq!(world.refused(&EscrowCall::ConfirmDelivery { order }, &world.buyer).await, "WrongStatus");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_records_what_it_can_and_reports_the_rest() {
    let world = World::new().await;
    let first = world.order_at(ContractStatus::Created, false).await;
    let second = world.order_at(ContractStatus::Created, false).await;
    let (one, two) = (world.payment(first), world.payment(second));
    let (unknown, again) = (world.payment(new_order()), world.payment(first));
    let batch = EscrowCall::RecordPayments(vec![
        one,
        unknown,
        again,
        OffchainPayment { order: second, payment: one.payment },
        OffchainPayment { order: second, payment: [0; 32] },
        two,
    ]);
    let refused = |item: OffchainPayment, reason: &str| EscrowEvent::PaymentRefused {
        order: item.order,
        payment: item.payment,
        reason: reason.into(),
    };
    let funded = |item: OffchainPayment| EscrowEvent::OrderFunded {
        order: item.order,
        amount: AMOUNT,
        held: false,
        payment: Some(item.payment),
    };
    assert_eq!(
        world.send(&batch, &world.oracle).await.unwrap(),
        [
            funded(one),
            refused(unknown, "UnknownOrder"),
            refused(again, "WrongStatus"),
            refused(OffchainPayment { order: second, payment: one.payment }, "PaymentAlreadyRecorded"),
            refused(OffchainPayment { order: second, payment: [0; 32] }, "InvalidPayment"),
            funded(two),
        ]
    );
    assert_eq!(world.refused(&batch, &world.buyer).await, "AccessControlUnauthorizedAccount");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dispute_is_split_with_the_rounding_to_the_buyer() {
    let world = World::new().await;
    let resolve = |order, resolution| EscrowCall::ResolveDispute { order, resolution };
    for (resolution, to_seller) in [
        (Resolution::RefundBuyer, 0),
        (Resolution::ReleaseToSeller, AMOUNT.0),
        (Resolution::Split { seller_bps: 3_333 }, AMOUNT.split(3_333).unwrap().seller.0),
        (Resolution::Split { seller_bps: 10_000 }, AMOUNT.0),
    ] {
        let order = world.order_at(ContractStatus::Disputed, true).await;
        let (buyer, seller) = (world.free(&world.buyer).await, world.free(&world.seller).await);
        let events = world.send(&resolve(order, resolution), &world.oracle).await.unwrap();
        let to_buyer = AMOUNT.0 - to_seller;
        let resolved = EscrowEvent::DisputeResolved { order, to_buyer: Planck(to_buyer), to_seller: Planck(to_seller) };
        assert_eq!(events, [resolved], "{resolution:?}");
        assert_eq!(world.free(&world.buyer).await, buyer + to_buyer, "{resolution:?}");
        assert_eq!(world.free(&world.seller).await, seller + to_seller, "{resolution:?}");
        assert_eq!(world.refused(&resolve(order, resolution), &world.oracle).await, "WrongStatus");
    }
    // What was paid elsewhere is divided, but not paid by the contract.
    let order = world.order_at(ContractStatus::Disputed, false).await;
    let too_much = Resolution::Split { seller_bps: 10_001 };
    assert_eq!(world.refused(&resolve(order, too_much), &world.oracle).await, "InvalidSplit");
    assert_eq!(
        world.refused(&resolve(order, Resolution::RefundBuyer), &world.buyer).await,
        "AccessControlUnauthorizedAccount"
    );
    let seller = world.free(&world.seller).await;
    let split = Resolution::Split { seller_bps: 5_000 };
    let shares = AMOUNT.split(5_000).unwrap();
    let resolved = EscrowEvent::DisputeResolved { order, to_buyer: shares.buyer, to_seller: shares.seller };
    assert_eq!(world.send(&resolve(order, split), &world.oracle).await.unwrap(), [resolved]);
    assert_eq!(world.free(&world.seller).await, seller);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_given_up_is_refunded_where_the_contract_holds_it() {
    let world = World::new().await;
    let unpaid = world.order_at(ContractStatus::Created, false).await;
    let cancel = |order| EscrowCall::Cancel { order };
    assert_eq!(world.refused(&cancel(unpaid), &key("Dave")).await, "NotAllowed");
    let cancelled = EscrowEvent::OrderCancelled { order: unpaid, refunded: Planck(0) };
    assert_eq!(world.send(&cancel(unpaid), &world.buyer).await.unwrap(), [cancelled]);
    assert_eq!(world.refused(&cancel(unpaid), &world.oracle).await, "WrongStatus");
    let paid = world.order_at(ContractStatus::Funded, true).await;
    // A buyer who has paid waits for the seller or the oracle.
    assert_eq!(world.refused(&cancel(paid), &world.buyer).await, "NotAllowed");
    let before = world.free(&world.buyer).await;
    let cancelled = EscrowEvent::OrderCancelled { order: paid, refunded: AMOUNT };
    assert_eq!(world.send(&cancel(paid), &world.seller).await.unwrap(), [cancelled]);
    assert_eq!(world.free(&world.buyer).await, before + AMOUNT.0);
    let elsewhere = world.order_at(ContractStatus::Funded, false).await;
    let cancelled = EscrowEvent::OrderCancelled { order: elsewhere, refunded: Planck(0) };
    assert_eq!(world.send(&cancel(elsewhere), &world.oracle).await.unwrap(), [cancelled]);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_message_is_refused_in_every_status_that_does_not_allow_it() {
    use ContractStatus as S;
    let world = World::new().await;
    for (status, held) in [
        (S::None, false),
        (S::Created, false),
        (S::Funded, false),
        (S::Shipped, false),
        (S::Delivered, false),
        (S::Completed, true),
        (S::Disputed, false),
    ] {
        let order = if status == S::None { new_order() } else { world.order_at(status, held).await };
        assert_eq!(world.status(order).await, status);
        let expected = if status == S::None { "UnknownOrder" } else { "WrongStatus" };
        let messages = [
            (EscrowCall::Fund { order, amount: AMOUNT }, vec![S::Created]),
            (EscrowCall::RecordPayment(world.payment(order)), vec![S::Created]),
            (EscrowCall::MarkShipped { order, tracking_cid: String::new() }, vec![S::Funded]),
            (EscrowCall::ConfirmDelivery { order }, vec![S::Shipped]),
            (
                EscrowCall::RaiseDispute { order, evidence_cid: String::new() },
                vec![S::Funded, S::Shipped, S::Delivered],
            ),
            (EscrowCall::ResolveDispute { order, resolution: Resolution::RefundBuyer }, vec![S::Disputed]),
            (EscrowCall::Cancel { order }, vec![S::Created, S::Funded]),
        ];
        for (call, allowed) in messages {
            let head = world.chain.finalized_head(deadline()).await.unwrap();
            let at = world.chain.at(head, deadline()).await.unwrap();
            let tried = world.contract.dry_run(&at, &call, &world.oracle.account(), deadline()).await;
            match tried {
                Ok(_) => assert!(allowed.contains(&status), "{call:?} is allowed at {status:?}"),
                Err(DryRunError::Refused(refusal)) => {
                    assert!(!allowed.contains(&status), "{call:?} is refused at {status:?}: {refusal}");
                    assert_eq!(refusal.name, expected, "{call:?} at {status:?}");
                }
                Err(other) => panic!("{call:?} at {status:?}: {other}"),
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_is_opened_by_the_oracle_with_sense() {
    let world = World::new().await;
    let order = new_order();
    assert_eq!(world.refused(&world.create(order), &world.buyer).await, "AccessControlUnauthorizedAccount");
    world.send(&world.create(order), &world.oracle).await.unwrap();
    let (buyer, seller, stranger) = (world.buyer.account(), world.seller.account(), key("Dave").account());
    let with = |order, buyer, seller, amount, cid: &str| EscrowCall::CreateOrder {
        order,
        buyer,
        seller,
        amount,
        metadata_cid: cid.into(),
    };
    for (call, reason) in [
        (with(order, buyer, seller, Planck(1), "bafymetadata"), "OrderExists"),
        (with(order, stranger, seller, AMOUNT, "bafymetadata"), "OrderExists"),
        (with(order, buyer, stranger, AMOUNT, "bafymetadata"), "OrderExists"),
        (with(order, buyer, seller, AMOUNT, "bafyother"), "OrderExists"),
        (with(new_order(), buyer, seller, Planck(0), ""), "InvalidOrder"),
        (with(OrderRef([0; 32]), buyer, seller, AMOUNT, ""), "InvalidOrder"),
        (with(new_order(), buyer, buyer, AMOUNT, ""), "InvalidOrder"),
        (with(new_order(), buyer, seller, AMOUNT, &"x".repeat(129)), "InvalidCid"),
    ] {
        assert_eq!(world.refused(&call, &world.oracle).await, reason, "{call:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn signed_bytes_are_taken_once_however_often_they_are_sent() {
    let world = World::new().await;
    let call = world.create(new_order());
    let account = world.oracle.account();
    let head = world.chain.finalized_head(deadline()).await.unwrap();
    let at = world.chain.at(head, deadline()).await.unwrap();
    let dry_run = world.contract.dry_run(&at, &call, &account, deadline()).await.unwrap();
    let nonce = world.chain.next_nonce(&account, deadline()).await.unwrap();
    let signed = world.contract.sign(&at, &call, &dry_run, &world.oracle, nonce, MORTALITY).unwrap();
    assert_eq!(world.chain.submit(&signed.bytes, deadline()).await.unwrap(), Submission::Accepted);
    while world.chain.next_nonce(&account, deadline()).await.unwrap() == nonce {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let again = world.chain.submit(&signed.bytes, deadline()).await.unwrap();
    assert_ne!(again, Submission::Accepted);
    assert_eq!(world.chain.next_nonce(&account, deadline()).await.unwrap(), nonce + 1);
}
