use super::*;
use crate::{Kes, OrderId, order::tests::order, payment::ReviewReason};

const ACTORS: [Actor; 4] = [Actor::Buyer, Actor::Seller, Actor::Admin, Actor::System];

fn at(status: OrderStatus, payment_mode: PaymentMode) -> Order {
    Order { payment_mode, status, ..order() }
}

fn payout(order: OrderId, status: PaymentStatus) -> Payment {
    let phone = "254711111111".parse().unwrap();
    Payment { status, ..Payment::payout(order, 1, Account::from_bytes([2; 32]), phone, Kes(100), Timestamp(0)) }
}

/// One row a status of [`OrderStatus::ALL`], one column an actor of [`ACTORS`].
#[test]
fn each_actor_has_its_moves_in_each_status() {
    use OrderMove::{Cancel, Complete, Deliver, Dispute, Fund, Resolve, Ship};
    let expected: [[&[OrderMove]; 4]; 8] = [
        [&[Fund, Cancel], &[Cancel], &[], &[Fund, Cancel]],
        [&[Dispute], &[Ship, Dispute, Cancel], &[], &[Cancel]],
        [&[Deliver, Dispute], &[Dispute], &[], &[Deliver]],
        [&[Dispute], &[Dispute], &[], &[Complete]],
        [&[], &[], &[], &[]],
        [&[], &[], &[Resolve], &[]],
        [&[], &[], &[], &[]],
        [&[], &[], &[], &[]],
    ];
    for (status, row) in OrderStatus::ALL.into_iter().zip(expected) {
        let order = at(status, PaymentMode::Mpesa);
        let allowed = ACTORS.map(|actor| order.allowed(actor, Money::default()));
        assert_eq!(allowed.each_ref().map(Vec::as_slice), row, "{status:?}");
    }
}

#[test]
fn a_refusal_says_whether_the_actor_the_status_or_another_move_stands_against_it() {
    let mut order = at(OrderStatus::Funded, PaymentMode::Mpesa);
    let may = |order: &Order, actor, action| order.may(actor, action, Money::default());
    let state = |action| Err(Refusal::State(IllegalMove { status: OrderStatus::Funded, action }));
    assert_eq!(may(&order, Actor::Buyer, OrderMove::Ship), Err(Refusal::NotYours));
    assert_eq!(may(&order, Actor::Buyer, OrderMove::Deliver), state(OrderMove::Deliver));
    assert_eq!(may(&order, Actor::Buyer, OrderMove::Cancel), state(OrderMove::Cancel));
    assert_eq!(may(&order, Actor::Seller, OrderMove::Ship), Ok(OrderStatus::Shipped));
    (order, _) = order.asking(Command::Cancel, None, Timestamp(5));
    assert_eq!(may(&order, Actor::Seller, OrderMove::Ship), Err(Refusal::Pending(OrderMove::Cancel)));
    assert_eq!(ACTORS.map(|actor| order.allowed(actor, Money::default())), [vec![], vec![], vec![], vec![]]);
}

#[test]
fn nothing_is_cancelled_or_paid_twice_while_a_payment_is_open() {
    let order = at(OrderStatus::Created, PaymentMode::Mpesa);
    let phone = "254708374149".parse().unwrap();
    let mut payment = Payment::collection(order.id, order.buyer_id, phone, Kes(100), Timestamp(0));
    let (open, made) = (Some(Refusal::PaymentOpen), Some(Refusal::PaymentMade));
    // What stands against giving the order up, and what against paying it.
    for (status, cancel, fund) in [
        (PaymentStatus::Initiated, open, open),
        (PaymentStatus::Pending, open, open),
        (PaymentStatus::Confirming, open, open),
        (PaymentStatus::Succeeded, None, made),
        (PaymentStatus::Failed, None, None),
        (PaymentStatus::Review, None, None),
    ] {
        payment.status = status;
        let money = Money { payment: Some(&payment), payout: None };
        for actor in [Actor::Buyer, Actor::Seller, Actor::System] {
            let expected = cancel.map_or(Ok(OrderStatus::Cancelled), Err);
            assert_eq!(order.may(actor, OrderMove::Cancel, money), expected, "{status:?}");
        }
        let expected = fund.map_or(Ok(OrderStatus::Funded), Err);
        assert_eq!(order.may(Actor::Buyer, OrderMove::Fund, money), expected, "{status:?}");
        let offered = order.allowed(Actor::Buyer, money).contains(&OrderMove::Fund);
        assert_eq!(offered, fund.is_none(), "{status:?}");
        assert_eq!(order.may(Actor::System, OrderMove::Fund, money), Ok(OrderStatus::Funded), "{status:?}");
    }
}

#[test]
fn nothing_is_paid_over_a_payment_that_somebody_looks_into() {
    let order = at(OrderStatus::Created, PaymentMode::Mpesa);
    let phone = "254708374149".parse().unwrap();
    let mut payment = Payment::collection(order.id, order.buyer_id, phone, Kes(100), Timestamp(0));
    payment.status = PaymentStatus::Review;
    for (reason, free) in [
        (ReviewReason::WrongAmount, false),
        (ReviewReason::SecondPayment, false),
        (ReviewReason::OrderClosed, false),
        (ReviewReason::NoAnswer, true),
        (ReviewReason::Unresolved, true),
        (ReviewReason::Contradiction, false),
        (ReviewReason::ReceiptReused, false),
        (ReviewReason::RequestRefused, false),
        (ReviewReason::Returned, true),
    ] {
        payment.review = Some(reason);
        let money = Money { payment: Some(&payment), payout: None };
        let expected = if free { Ok(OrderStatus::Funded) } else { Err(Refusal::PaymentMade) };
        assert_eq!(order.may(Actor::Buyer, OrderMove::Fund, money), expected, "{reason:?}");
        // What `pay/mpesa` refuses is not offered, and the other way round.
        assert_eq!(payment.new_push_allowed_at().is_some(), free, "{reason:?}");
        assert_eq!(order.may(Actor::Buyer, OrderMove::Cancel, money), Ok(OrderStatus::Cancelled), "{reason:?}");
    }
}

#[test]
fn a_delivered_order_is_disputed_only_while_its_money_is_here() {
    let order = at(OrderStatus::Delivered, PaymentMode::Mpesa);
    for (status, here) in [
        (PaymentStatus::Queued, true),
        (PaymentStatus::Failed, true),
        (PaymentStatus::Withdrawn, true),
        (PaymentStatus::Sending, false),
        (PaymentStatus::Sent, false),
        (PaymentStatus::Confirming, false),
        (PaymentStatus::Succeeded, false),
        (PaymentStatus::Review, false),
    ] {
        let payout = payout(order.id, status);
        let money = Money { payment: None, payout: Some(&payout) };
        let expected = if here { Ok(OrderStatus::Disputed) } else { Err(Refusal::PayoutSent) };
        assert_eq!(order.may(Actor::Buyer, OrderMove::Dispute, money), expected, "{status:?}");
    }
    let (status, review) = (PaymentStatus::Review, Some(ReviewReason::RequestRefused));
    let refused = Payment { review, ..payout(order.id, status) };
    let money = Money { payment: None, payout: Some(&refused) };
    assert_eq!(order.may(Actor::Buyer, OrderMove::Dispute, money), Ok(OrderStatus::Disputed), "nothing was paid");
    let dot = at(OrderStatus::Delivered, PaymentMode::Dot);
    let state = IllegalMove { status: OrderStatus::Delivered, action: OrderMove::Dispute };
    assert_eq!(dot.may(Actor::Buyer, OrderMove::Dispute, Money::default()), Err(Refusal::State(state)));
    let from_a_wallet = Order { funded_by: Some(PaymentMode::Dot), ..order };
    assert_eq!(from_a_wallet.may(Actor::Buyer, OrderMove::Dispute, Money::default()), Err(Refusal::State(state)));
}

#[test]
fn an_order_is_paid_as_it_was_funded_and_before_that_and_in_old_rows_as_it_was_meant() {
    for mode in PaymentMode::ALL {
        let mut order = at(OrderStatus::Funded, mode);
        let mut row = serde_json::to_value(&order).unwrap();
        assert_eq!(row.as_object_mut().unwrap().remove("funded_by"), None, "a row of before has none");
        assert_eq!(serde_json::from_value::<Order>(row).unwrap().paid_by(), mode);
        for came in PaymentMode::ALL {
            order.funded_by = Some(came);
            let read: Order = serde_json::from_value(serde_json::to_value(&order).unwrap()).unwrap();
            assert_eq!((read.paid_by(), read.payment_mode), (came, mode));
        }
    }
}

#[test]
fn a_window_that_ended_has_its_outcome_and_one_that_runs_has_none() {
    let ends = Timestamp(1_000);
    for (status, window, command) in [
        (OrderStatus::Created, Some(Window::Payment), Some(Command::Cancel)),
        (OrderStatus::Funded, Some(Window::Shipping), Some(Command::Cancel)),
        (OrderStatus::Shipped, Some(Window::Inspection), Some(Command::ConfirmDelivery)),
        (OrderStatus::Disputed, Some(Window::Evidence), None),
        (OrderStatus::Delivered, None, None),
        (OrderStatus::Completed, None, None),
        (OrderStatus::Resolved, None, None),
        (OrderStatus::Cancelled, None, None),
    ] {
        let mut order = at(status, PaymentMode::Mpesa);
        order.deadlines = crate::order::Deadlines {
            payment: Some(ends),
            shipping: Some(ends),
            inspection: Some(ends),
            evidence: Some(ends),
        };
        assert_eq!(order.window(), window.map(|window| (window, ends)), "{status:?}");
        assert_eq!(order.overdue(Timestamp(999)), None, "{status:?}");
        assert_eq!(order.overdue(ends), window, "{status:?}");
        assert_eq!(window.and_then(Window::command), command, "{status:?}");
        if let Some(command) = command {
            let action = command.order_move().unwrap();
            assert!(order.may(Actor::System, action, Money::default()).is_ok(), "{status:?}");
            let (asked, row) = order.asking(command, None, ends);
            assert_eq!(asked.overdue(ends), None, "{status:?}: it is asked for");
            assert_eq!(asked.pending.map(|pending| (pending.by, pending.command_id)), Some((None, row.id)));
        }
    }
}

#[test]
fn evidence_is_taken_until_its_window_ends() {
    let mut order = at(OrderStatus::Disputed, PaymentMode::Dot);
    order.deadlines.evidence = Some(Timestamp(10));
    assert_eq!([9, 10].map(|now| order.takes_evidence(Timestamp(now))), [true, false]);
    order.status = OrderStatus::Shipped;
    assert!(!order.takes_evidence(Timestamp(9)));
}
