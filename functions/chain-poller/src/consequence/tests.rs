use descrow_chain::{Address, OrderRef};
use descrow_domain::{
    Kes, Planck,
    dispute::Dispute,
    order::{Deadlines, PendingAction},
    payment::{Decision, PaymentKind},
    product::Product,
};
use descrow_store::testing::sample;

use super::*;

pub(super) const WINDOWS: Windows = Windows { shipping: 100, inspection: 200, evidence: 300 };
const NOW: Timestamp = Timestamp(1_000_000);
pub(super) const AMOUNT: Planck = Planck(777);

fn account(byte: u8) -> Account {
    Account::from_bytes([byte; 32])
}

pub(super) fn order(status: OrderStatus, payment_mode: PaymentMode) -> Order {
    let product = Product { price_dot: AMOUNT, ..sample::product(account(2), Timestamp(0)) };
    let on_chain = status != OrderStatus::Created;
    let ordered = sample::order(&product, account(1), Timestamp(0));
    Order { payment_mode, status, on_chain, history: Vec::new(), version: 4, ..ordered }
}

pub(super) fn found(event: EscrowEvent) -> ContractEvent {
    ContractEvent { block: 42, index: 3, extrinsic_hash: Some([0xab; 32]), event }
}

/// The event that leads to `status`, with the contract holding the amount or not.
fn event_to(status: OrderStatus, order: OrderRef, held: bool) -> EscrowEvent {
    match status {
        OrderStatus::Created => EscrowEvent::OrderCreated {
            order,
            buyer: Address::of(&account(1)),
            seller: Address::of(&account(2)),
            amount: AMOUNT,
            metadata_cid: String::new(),
        },
        OrderStatus::Funded => {
            EscrowEvent::OrderFunded { order, amount: AMOUNT, held, payment: (!held).then_some([9; 32]) }
        }
        OrderStatus::Shipped => EscrowEvent::OrderShipped { order, tracking_cid: "bafy".into() },
        OrderStatus::Delivered => EscrowEvent::OrderDelivered { order },
        OrderStatus::Completed => EscrowEvent::OrderCompleted { order, paid: AMOUNT },
        OrderStatus::Disputed => {
            EscrowEvent::DisputeRaised { order, by: Address([0; 20]), evidence_cid: String::new() }
        }
        OrderStatus::Resolved => EscrowEvent::DisputeResolved { order, to_buyer: Planck(700), to_seller: Planck(77) },
        OrderStatus::Cancelled => {
            EscrowEvent::OrderCancelled { order, refunded: if held { AMOUNT } else { Planck(0) } }
        }
    }
}

fn facts(order: &Order) -> Facts {
    let (seller, buyer) = ("254708374149".parse().unwrap(), "254711111111".parse().unwrap());
    let payment = Payment::collection(order.id, order.buyer_id, buyer, order.quote.kes, Timestamp(1));
    let payment = payment.after(Decision::Succeed, Timestamp(2));
    Facts { seller_phone: Some(seller), payment, booked: true, ..Facts::default() }
}

fn decide(order: &Order, event: EscrowEvent) -> Consequence {
    consequence(order, &found(event), &facts(order), WINDOWS, NOW)
}

fn changed(order: &Order, event: EscrowEvent) -> Change {
    match decide(order, event) {
        Consequence::Change(change) => *change,
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_event_moves_an_order_exactly_where_the_domain_allows_it() {
    for from in OrderStatus::ALL {
        for to in OrderStatus::ALL.into_iter().filter(|to| *to != OrderStatus::Created) {
            let order = order(from, PaymentMode::Mpesa);
            let reference = OrderRef::of(order.id);
            let legal = OrderMove::ALL.into_iter().any(|action| from.after(action) == Ok(to));
            match decide(&order, event_to(to, reference, false)) {
                Consequence::Change(change) => {
                    assert!(legal, "{from:?} to {to:?}");
                    let line = Transition {
                        status: to,
                        at: NOW,
                        by: None,
                        extrinsic: Some(format!("0x{}", "ab".repeat(32))),
                        block: Some(42),
                    };
                    assert_eq!((change.order.status, change.order.history), (to, vec![line]));
                    assert_eq!((change.order.version, change.order.updated_at), (5, NOW));
                }
                other => {
                    assert!(!legal, "{from:?} to {to:?}");
                    assert_eq!(other, Consequence::DoesNotFit("the status does not allow it"));
                }
            }
        }
    }
}

#[test]
fn an_event_that_was_applied_before_changes_nothing() {
    for (before, to) in [
        (OrderStatus::Created, OrderStatus::Funded),
        (OrderStatus::Funded, OrderStatus::Shipped),
        (OrderStatus::Shipped, OrderStatus::Delivered),
        (OrderStatus::Funded, OrderStatus::Disputed),
        (OrderStatus::Funded, OrderStatus::Cancelled),
    ] {
        let order = order(before, PaymentMode::Mpesa);
        let event = event_to(to, OrderRef::of(order.id), false);
        let mut after = changed(&order, event.clone()).order;
        assert_eq!(decide(&after, event.clone()), Consequence::Known, "{to:?}");
        // And when the order has moved on since.
        after.status = OrderStatus::Completed;
        assert_eq!(decide(&after, event), Consequence::Known, "{to:?}");
    }
}

#[test]
fn a_created_order_is_on_the_chain_when_it_is_ours() {
    let order = order(OrderStatus::Created, PaymentMode::Mpesa);
    let event = event_to(OrderStatus::Created, OrderRef::of(order.id), false);
    let change = changed(&order, event.clone());
    assert_eq!(change.order, Order { on_chain: true, version: 5, updated_at: NOW, ..order.clone() });
    assert_eq!(change.command_id, Some(format!("create_order#{}", order.id)));
    assert_eq!(decide(&change.order, event), Consequence::Known);
    let other = EscrowEvent::OrderCreated {
        order: OrderRef::of(order.id),
        buyer: Address::of(&account(1)),
        seller: Address::of(&account(2)),
        amount: Planck(778),
        metadata_cid: String::new(),
    };
    assert_eq!(decide(&order, other), Consequence::DoesNotFit("another order has its reference"));
}

#[test]
fn each_event_ends_its_command_and_sets_the_next_deadline() {
    let after = |from, to| {
        let order = order(from, PaymentMode::Mpesa);
        let change = changed(&order, event_to(to, OrderRef::of(order.id), false));
        let kind = change.command_id.map(|id| id.split('#').next().unwrap().to_owned());
        (kind.unwrap_or_default(), change.order.deadlines)
    };
    let none = Deadlines::default();
    assert_eq!(
        after(OrderStatus::Created, OrderStatus::Funded),
        ("record_payment".into(), Deadlines { shipping: Some(NOW.plus_seconds(100)), ..none.clone() })
    );
    assert_eq!(
        after(OrderStatus::Funded, OrderStatus::Shipped),
        ("mark_shipped".into(), Deadlines { inspection: Some(NOW.plus_seconds(200)), ..none.clone() })
    );
    assert_eq!(after(OrderStatus::Shipped, OrderStatus::Delivered), ("confirm_delivery".into(), none.clone()));
    assert_eq!(
        after(OrderStatus::Funded, OrderStatus::Disputed),
        ("raise_dispute".into(), Deadlines { evidence: Some(NOW.plus_seconds(300)), ..none })
    );
}

#[test]
fn a_pending_move_ends_when_it_happened_or_became_impossible() {
    let pending =
        |action| Some(PendingAction { action, command_id: "c".into(), by: Some(account(1)), at: Timestamp(0) });
    let mut order = order(OrderStatus::Shipped, PaymentMode::Mpesa);
    let delivered = event_to(OrderStatus::Delivered, OrderRef::of(order.id), false);
    order.pending = pending(OrderMove::Deliver);
    let after = changed(&order, delivered.clone()).order;
    assert_eq!((after.pending, after.history[0].by), (None, Some(account(1))));
    order.pending = pending(OrderMove::Dispute);
    let after = changed(&order, delivered).order;
    assert_eq!((after.pending, after.history[0].by), (pending(OrderMove::Dispute), None));
    order.pending = pending(OrderMove::Deliver);
    let disputed = event_to(OrderStatus::Disputed, OrderRef::of(order.id), false);
    assert_eq!(changed(&order, disputed).order.pending, None);
}

#[test]
fn delivery_of_an_order_paid_by_phone_owes_the_seller_one_payout() {
    let order = order(OrderStatus::Shipped, PaymentMode::Mpesa);
    let delivered = event_to(OrderStatus::Delivered, OrderRef::of(order.id), false);
    let change = changed(&order, delivered.clone());
    let [payout] = change.payments.try_into().unwrap();
    let payout: Payment = payout;
    assert_eq!((payout.kind, payout.amount_kes, payout.user_id), (PaymentKind::Payout, Kes(1_500), account(2)));
    assert_eq!(change.order.payout_id, Some(payout.id));
    assert_eq!(payout.id, changed(&order, delivered.clone()).payments[0].id, "whoever applies it, it is one");
    let silent = Facts { seller_phone: None, ..facts(&order) };
    let without = with(&order, delivered, &silent);
    assert_eq!((&without.payments, without.order.payout_id), (&vec![], None));
    assert_eq!(without.alarm, Some("the seller has no number to be paid at"));
    let dot = self::order(OrderStatus::Shipped, PaymentMode::Dot);
    assert_eq!(changed(&dot, event_to(OrderStatus::Delivered, OrderRef::of(dot.id), true)).payments, []);
}

fn with(order: &Order, event: EscrowEvent, facts: &Facts) -> Change {
    match consequence(order, &found(event), facts, WINDOWS, NOW) {
        Consequence::Change(change) => *change,
        other => panic!("{other:?}"),
    }
}

#[test]
fn shillings_leave_for_an_order_only_where_they_came_for_it_and_are_in_the_books() {
    let order = |status| order(status, PaymentMode::Mpesa);
    let events = [
        (OrderStatus::Shipped, OrderStatus::Delivered),
        (OrderStatus::Funded, OrderStatus::Cancelled),
        (OrderStatus::Disputed, OrderStatus::Resolved),
    ];
    for (from, to) in events {
        let order = order(from);
        let event = event_to(to, OrderRef::of(order.id), false);
        let whole = facts(&order);
        assert_ne!(with(&order, event.clone(), &whole).payments, [], "{to:?}");
        let failed = whole.payment.clone().map(|payment| Payment { status: PaymentStatus::Failed, ..payment });
        let reviewed = whole.payment.clone().map(|payment| Payment { status: PaymentStatus::Review, ..payment });
        for facts in [
            Facts { payment: None, ..whole.clone() },
            Facts { payment: failed, ..whole.clone() },
            Facts { payment: reviewed, ..whole.clone() },
            Facts { booked: false, ..whole.clone() },
        ] {
            let change = with(&order, event.clone(), &facts);
            assert_eq!((change.order.status, change.payments), (to, vec![]), "{facts:?}");
            assert!(change.alarm.is_some(), "{facts:?}");
        }
        // Paid into the contract: it pays out itself, whatever came by M-Pesa beside it.
        let from_a_wallet = Order { funded_by: Some(PaymentMode::Dot), ..order };
        let event = event_to(to, OrderRef::of(from_a_wallet.id), true);
        let change = with(&from_a_wallet, event, &whole);
        assert_eq!((change.order.status, change.payments, change.alarm), (to, vec![], None));
    }
}

#[test]
fn an_order_remembers_what_funded_it_and_shillings_beside_dot_go_back_once() {
    for mode in PaymentMode::ALL {
        for held in [true, false] {
            let order = order(OrderStatus::Created, mode);
            let event = event_to(OrderStatus::Funded, OrderRef::of(order.id), held);
            let whole = facts(&order);
            let change = with(&order, event.clone(), &whole);
            assert_eq!(change.order.funded_by, Some(if held { PaymentMode::Dot } else { PaymentMode::Mpesa }));
            let back = held.then(|| Payment::refund(&whole.payment.clone().unwrap(), 1, Kes(1_500), NOW));
            assert_eq!((change.payments, change.order.refund_id), (back.into_iter().collect(), None));
            assert_eq!(change.ledger.is_some(), held);
            let unpaid = Facts { payment: None, booked: false, ..whole };
            assert_eq!(with(&order, event.clone(), &unpaid).payments, []);
            assert_eq!(decide(&change.order, event), Consequence::Known);
        }
    }
}

#[test]
fn a_payment_that_never_reached_the_contract_goes_back_when_the_order_is_given_up() {
    let order = order(OrderStatus::Created, PaymentMode::Mpesa);
    let cancelled = event_to(OrderStatus::Cancelled, OrderRef::of(order.id), false);
    let whole = facts(&order);
    let change = with(&order, cancelled.clone(), &whole);
    assert_eq!(change.payments, [Payment::refund(whole.payment.as_ref().unwrap(), 1, Kes(1_500), NOW)]);
    assert_eq!(change.order.refund_id, Some(change.payments[0].id));
    let failed = whole.payment.clone().map(|payment| Payment { status: PaymentStatus::Failed, ..payment });
    let change = with(&order, cancelled, &Facts { payment: failed, ..whole });
    assert_eq!((change.payments, change.alarm), (vec![], None), "nothing came, so nothing is missing");
}

#[test]
fn a_dispute_from_a_wallet_counts_the_evidence_of_one_that_the_contract_refused() {
    for (before, count) in [(None, 0), (Some(2), 2)] {
        let mut order = order(OrderStatus::Shipped, PaymentMode::Dot);
        let refused = Dispute::raised(Some("It broke.".parse().unwrap()), Some(order.buyer_id), "bafy".into(), NOW);
        order.dispute = before.map(|evidence_count| Dispute { evidence_count, ..refused });
        let event = event_to(OrderStatus::Disputed, OrderRef::of(order.id), true);
        let raised = Dispute { evidence_count: count, ..Dispute::raised(None, None, String::new(), NOW) };
        assert_eq!(changed(&order, event).order.dispute, Some(raised));
    }
}

#[test]
fn what_the_contract_takes_in_and_pays_out_is_in_the_books() {
    let dot = |from| order(from, PaymentMode::Dot);
    for (from, to, expected) in [
        (OrderStatus::Created, OrderStatus::Funded, 777),
        (OrderStatus::Delivered, OrderStatus::Completed, 777),
        (OrderStatus::Funded, OrderStatus::Cancelled, 777),
        (OrderStatus::Disputed, OrderStatus::Resolved, 777),
    ] {
        let order = dot(from);
        let [one, two] = changed(&order, event_to(to, OrderRef::of(order.id), true)).ledger.unwrap();
        assert_eq!((one.amount.0, two.amount.0), (-expected, expected), "{to:?}");
        let phone = self::order(from, PaymentMode::Mpesa);
        if to != OrderStatus::Completed {
            assert_eq!(changed(&phone, event_to(to, OrderRef::of(phone.id), false)).ledger, None, "{to:?}");
        }
    }
}
