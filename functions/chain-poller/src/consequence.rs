//! What an event of the contract means for our order. Pure.

use descrow_chain::{ContractEvent, EscrowEvent};
use descrow_domain::{
    Account, Msisdn, Timestamp,
    command::CommandKind,
    ledger::{self, Transaction},
    order::{Order, OrderMove, OrderStatus, PaymentMode, Transition},
    payment::Payment,
};

/// How long each party has, in seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Windows {
    /// The seller, to ship a paid order.
    pub shipping: i64,
    /// The buyer, to look at what was delivered.
    pub inspection: i64,
}

/// What an event changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// The order after it.
    pub order: Order,
    /// The command that the event shows to be done, if it was ours.
    pub command_id: Option<String>,
    /// The payout that follows.
    pub payout: Option<Payment>,
    /// What the books say.
    pub ledger: Option<Transaction>,
}

/// What is to be done about an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Consequence {
    /// Write this.
    Change(Box<Change>),
    /// Nothing: the order shows it already.
    Known,
    /// Nothing, and somebody should look: the order does not allow it, or it is about another order than ours.
    DoesNotFit(&'static str),
}

/// The move that an event is.
fn move_of(event: &EscrowEvent) -> Option<OrderMove> {
    match event {
        EscrowEvent::OrderFunded { .. } => Some(OrderMove::Fund),
        EscrowEvent::OrderShipped { .. } => Some(OrderMove::Ship),
        EscrowEvent::OrderDelivered { .. } => Some(OrderMove::Deliver),
        EscrowEvent::OrderCompleted { .. } => Some(OrderMove::Complete),
        EscrowEvent::DisputeRaised { .. } => Some(OrderMove::Dispute),
        EscrowEvent::DisputeResolved { .. } => Some(OrderMove::Resolve),
        EscrowEvent::OrderCancelled { .. } => Some(OrderMove::Cancel),
        EscrowEvent::OrderCreated { .. } | EscrowEvent::PaymentRefused { .. } => None,
    }
}

/// The kind of command that causes an event, where we have one.
fn command_kind(event: &EscrowEvent) -> Option<CommandKind> {
    match event {
        EscrowEvent::OrderCreated { .. } => Some(CommandKind::CreateOrder),
        EscrowEvent::OrderFunded { held: false, .. } => Some(CommandKind::RecordPayment),
        EscrowEvent::OrderShipped { .. } => Some(CommandKind::MarkShipped),
        EscrowEvent::OrderDelivered { .. } => Some(CommandKind::ConfirmDelivery),
        EscrowEvent::DisputeRaised { .. } => Some(CommandKind::RaiseDispute),
        EscrowEvent::DisputeResolved { .. } => Some(CommandKind::ResolveDispute),
        EscrowEvent::OrderCancelled { .. } => Some(CommandKind::Cancel),
        EscrowEvent::OrderFunded { held: true, .. }
        | EscrowEvent::OrderCompleted { .. }
        | EscrowEvent::PaymentRefused { .. } => None,
    }
}

/// Whether `event` delivers an order whose seller we must pay, so that the seller's number is needed.
pub fn owes_payout(order: &Order, event: &EscrowEvent) -> bool {
    matches!(event, EscrowEvent::OrderDelivered { .. }) && order.payment_mode == PaymentMode::Mpesa
}

/// What `found` means for `order`. `seller_phone` is looked at where [`owes_payout`] says so.
pub fn consequence(
    order: &Order,
    found: &ContractEvent,
    seller_phone: Option<&Msisdn>,
    windows: Windows,
    now: Timestamp,
) -> Consequence {
    let mut next = order.clone();
    next.version = order.version.saturating_add(1);
    next.updated_at = now;
    let mut payout = None;
    if let EscrowEvent::OrderCreated { buyer, seller, amount, .. } = &found.event {
        let address = |account: &Account| descrow_chain::Address::of(account);
        let ours = (address(&order.buyer_id), address(&order.seller_id), order.quote.amount);
        if ours != (*buyer, *seller, *amount) {
            return Consequence::DoesNotFit("another order has its reference");
        }
        if order.on_chain {
            return Consequence::Known;
        }
        next.on_chain = true;
    } else {
        let Some(action) = move_of(&found.event) else {
            return Consequence::DoesNotFit("a refusal moves no order");
        };
        let Ok(status) = order.status.after(action) else {
            // What an event leads to, an order has been at since the first time that event was read.
            let known = target(action).is_some_and(|target| order.history.iter().any(|t| t.status == target));
            return if known { Consequence::Known } else { Consequence::DoesNotFit("the status does not allow it") };
        };
        reach(&mut next, status, action, found, now);
        match status {
            OrderStatus::Funded => next.deadlines.shipping = Some(now.plus_seconds(windows.shipping)),
            OrderStatus::Shipped => next.deadlines.inspection = Some(now.plus_seconds(windows.inspection)),
            _ => {}
        }
        if owes_payout(order, &found.event)
            && let Some(phone) = seller_phone
        {
            let owed = Payment::payout(order.id, 1, order.seller_id, phone.clone(), order.quote.kes, now);
            next.payout_id = Some(owed.id);
            payout = Some(owed);
        }
    }
    let command_id = command_kind(&found.event).map(|kind| kind.id(order.id));
    let ledger = books(order, &found.event, now);
    Consequence::Change(Box::new(Change { order: next, command_id, payout, ledger }))
}

/// The status that a move leads to, wherever it starts.
fn target(action: OrderMove) -> Option<OrderStatus> {
    OrderStatus::ALL.into_iter().find_map(|status| status.after(action).ok())
}

fn reach(next: &mut Order, status: OrderStatus, action: OrderMove, found: &ContractEvent, now: Timestamp) {
    let asked = next.pending.as_ref().filter(|pending| pending.action == action);
    let (done, by) = (asked.is_some(), asked.and_then(|pending| pending.by));
    next.status = status;
    next.history.push(Transition {
        status,
        at: now,
        by,
        extrinsic: found.extrinsic_hash.map(|hash| format!("0x{}", hex::encode(hash))),
        block: Some(found.block),
    });
    // Done, or made impossible by what happened instead.
    if done || next.pending.as_ref().is_some_and(|pending| status.after(pending.action).is_err()) {
        next.pending = None;
    }
}

/// What the contract took in or paid out.
fn books(order: &Order, event: &EscrowEvent, now: Timestamp) -> Option<Transaction> {
    match event {
        EscrowEvent::OrderFunded { amount, held: true, .. } => ledger::escrow_funded(order.id, *amount, now),
        EscrowEvent::OrderCompleted { paid, .. } => ledger::escrow_released(order.id, *paid, now),
        EscrowEvent::OrderCancelled { refunded, .. } if refunded.0 > 0 => {
            ledger::escrow_released(order.id, *refunded, now)
        }
        EscrowEvent::DisputeResolved { to_buyer, to_seller, .. } if order.payment_mode == PaymentMode::Dot => {
            let whole = descrow_domain::Planck(to_buyer.0.saturating_add(to_seller.0));
            ledger::escrow_released(order.id, whole, now)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests;
