//! What an event of the contract means for our order. Pure.

mod aftermath;

use descrow_chain::{ContractEvent, EscrowEvent};
use descrow_domain::{
    Account, Msisdn, Timestamp,
    command::CommandKind,
    ledger::{self, Transaction},
    order::{Order, OrderMove, OrderStatus, PaymentMode, Transition},
    payment::{Payment, PaymentStatus},
    product::Product,
};
use descrow_store::Wanted;

/// How long each party has, in seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Windows {
    /// The seller, to ship a paid order.
    pub shipping: i64,
    /// The buyer, to look at what was delivered.
    pub inspection: i64,
    /// Both sides of a dispute, to bring evidence.
    pub evidence: i64,
}

/// What an event changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// The order after it.
    pub order: Order,
    /// The command that the event shows to be done, if it was ours.
    pub command_id: Option<String>,
    /// The payout and the refund that follow.
    pub payments: Vec<Payment>,
    /// The payout that is taken back.
    pub withdraw: Option<Payment>,
    /// The product with the pieces that it gets back.
    pub stock: Option<Product>,
    /// What the books say.
    pub ledger: Option<Transaction>,
    /// What somebody must see to, since a program cannot.
    pub alarm: Option<&'static str>,
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

/// The rows that decide what an event means beside its order, as far as they are there.
#[derive(Clone, Debug, Default)]
pub struct Facts {
    /// The seller's number.
    pub seller_phone: Option<Msisdn>,
    /// The collection that the order names.
    pub payment: Option<Payment>,
    /// Whether the books have it.
    pub booked: bool,
    /// The payout that the order names.
    pub payout: Option<Payment>,
    /// The product.
    pub product: Option<Product>,
}

impl Facts {
    /// The shillings that came for the order and are held: nothing else is ever paid out or back.
    fn collected(&self) -> Option<&Payment> {
        self.payment.as_ref().filter(|payment| self.booked && payment.status == PaymentStatus::Succeeded)
    }
}

/// Which rows [`consequence`] looks at for `event`: what goes back to the buyer goes to the phone that paid, what the seller is
/// owed to its present number.
pub fn wanted(order: &Order, event: &EscrowEvent) -> Wanted {
    let by_phone = order.paid_by() == PaymentMode::Mpesa;
    let seller = by_phone.then_some(order.seller_id);
    let (payment, payout) = (order.payment_id, order.payout_id.filter(|_| by_phone));
    let collected = Wanted { payment, booked: payment.map(|payment| (order.id, payment)), ..Wanted::default() };
    match event {
        EscrowEvent::OrderFunded { held: true, .. } => collected,
        EscrowEvent::OrderDelivered { .. } => Wanted { other_user: seller, ..collected },
        EscrowEvent::DisputeRaised { .. } => Wanted { payout, ..Wanted::default() },
        EscrowEvent::DisputeResolved { .. } => Wanted { other_user: seller, payout, ..collected },
        EscrowEvent::OrderCancelled { .. } => Wanted { product: Some(order.product_id), ..collected },
        _ => Wanted::default(),
    }
}

/// What `found` means for `order`, with the rows that [`wanted`] names in `facts`.
pub fn consequence(
    order: &Order,
    found: &ContractEvent,
    facts: &Facts,
    windows: Windows,
    now: Timestamp,
) -> Consequence {
    let mut change = Change {
        order: order.clone().touched(now),
        command_id: command_kind(&found.event).map(|kind| kind.id(order.id)),
        payments: Vec::new(),
        withdraw: None,
        stock: None,
        ledger: books(order, &found.event, now),
        alarm: None,
    };
    if let EscrowEvent::OrderCreated { buyer, seller, amount, .. } = &found.event {
        let address = |account: &Account| descrow_chain::Address::of(account);
        let ours = (address(&order.buyer_id), address(&order.seller_id), order.quote.amount);
        if ours != (*buyer, *seller, *amount) {
            return Consequence::DoesNotFit("another order has its reference");
        }
        if order.on_chain {
            return Consequence::Known;
        }
        change.order.on_chain = true;
        return Consequence::Change(Box::new(change));
    }
    let Some(action) = move_of(&found.event) else {
        return Consequence::DoesNotFit("a refusal moves no order");
    };
    let Ok(status) = order.status.after(action) else {
        // What an event leads to, an order has been at since the first time that event was read.
        let known = target(action).is_some_and(|target| order.history.iter().any(|t| t.status == target));
        return if known { Consequence::Known } else { Consequence::DoesNotFit("the status does not allow it") };
    };
    reach(&mut change.order, status, action, found, now);
    let deadlines = &mut change.order.deadlines;
    match status {
        OrderStatus::Funded => {
            deadlines.shipping = Some(now.plus_seconds(windows.shipping));
            aftermath::funded(&mut change, &found.event, facts, now);
        }
        OrderStatus::Shipped => deadlines.inspection = Some(now.plus_seconds(windows.inspection)),
        OrderStatus::Delivered => aftermath::delivered(&mut change, facts, now),
        OrderStatus::Disputed => {
            deadlines.evidence = Some(now.plus_seconds(windows.evidence));
            aftermath::disputed(&mut change, order, &found.event, facts, now);
        }
        OrderStatus::Resolved => aftermath::resolved(&mut change, order, &found.event, facts, now),
        OrderStatus::Cancelled => aftermath::cancelled(&mut change, order, facts, now),
        OrderStatus::Created | OrderStatus::Completed => {}
    }
    Consequence::Change(Box::new(change))
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
        EscrowEvent::DisputeResolved { to_buyer, to_seller, .. } if order.paid_by() == PaymentMode::Dot => {
            let whole = descrow_domain::Planck(to_buyer.0.saturating_add(to_seller.0));
            ledger::escrow_released(order.id, whole, now)
        }
        _ => None,
    }
}

#[cfg(test)]
mod histories;
#[cfg(test)]
mod tests;
