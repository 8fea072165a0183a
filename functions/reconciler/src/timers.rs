//! Ends the windows of orders: what a party did not do in time happens by itself.
//!
//! | window | when it ends without the move it waited for |
//! |---|---|
//! | payment | the order is cancelled, unless a payment of it is under way: then it is looked at again |
//! | shipping | the order is cancelled, and the buyer gets the money back |
//! | inspection | delivery counts as confirmed, and the seller is paid |
//! | evidence | no evidence is taken any more; an admin decides on what is there |
//!
//! Which window runs, and what its end means, the domain says. Here it is asked for as a party would ask for it: the move
//! becomes pending in one transaction with its command, on the version of the order that was read. So two runs at once, or one
//! run twice, ask for it once; whoever comes second finds another version, or a pending move.

use std::time::Duration;

use descrow_domain::{
    Timestamp,
    command::{CommandKind, CommandStatus},
    order::{Actor, Money, Order, OrderMove, OrderStatus, Refusal, Transition, Window},
    payment::{Payment, PaymentStatus},
};
use descrow_platform::Deadline;
use descrow_store::{Applied, ChainChange, Found, OrderChange, Replaced, Requested, Store, StoreError, Wanted};
use futures_util::{StreamExt, stream};
use serde::Serialize;

/// The most orders that one run looks at; the next run takes the rest, the longest overdue first.
const BATCH: usize = 200;
/// Orders that are looked at together.
const PARALLEL: usize = 8;
/// What one order needs at the least: a read and a transaction.
const NEEDED: Duration = Duration::from_secs(2);
/// A payment in DOT that its buyer reported is waited for this long, in seconds: a signed extrinsic can be included for 64
/// blocks, and the contract would give back what comes after a cancellation anyhow.
const REPORTED_SECONDS: i64 = 600;

/// What became of the orders whose window had ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Ended {
    /// Cancellations that were asked for: nobody paid, or nobody shipped.
    pub cancelled: usize,
    /// Deliveries that were taken as confirmed.
    pub delivered: usize,
    /// Disputes that take no evidence any more.
    pub closed: usize,
    /// Orders whose payment is under way.
    pub waiting: usize,
    /// Orders that somebody else moved at the same moment.
    pub overtaken: usize,
    /// Orders that could not be read or written; the next run tries them again.
    pub failed: usize,
}

enum End {
    Cancelled,
    Delivered,
    Closed,
    Waiting,
    Overtaken,
}

/// Ends every window that has run out at `now`.
///
/// # Errors
/// [`StoreError`] when the index cannot be read. What goes wrong with one order is counted and never stops the others.
pub async fn end_windows(store: &Store, now: Timestamp, deadline: Deadline) -> Result<Ended, StoreError> {
    let overdue = store.orders().overdue(now, BATCH).await?;
    let looked_at = stream::iter(overdue).map(|order| look_at(store, order, now, deadline));
    let ended = looked_at.buffer_unordered(PARALLEL).fold(Ended::default(), |mut ended, end| async move {
        match end {
            Ok(End::Cancelled) => ended.cancelled += 1,
            Ok(End::Delivered) => ended.delivered += 1,
            Ok(End::Closed) => ended.closed += 1,
            Ok(End::Waiting) => ended.waiting += 1,
            Ok(End::Overtaken) => ended.overtaken += 1,
            Err(()) => ended.failed += 1,
        }
        ended
    });
    Ok(ended.await)
}

async fn look_at(
    store: &Store,
    order: Result<Order, StoreError>,
    now: Timestamp,
    deadline: Deadline,
) -> Result<End, ()> {
    let order = order.map_err(|error| tracing::error!(%error, "reconciler.order_unreadable"))?;
    if !deadline.allows(NEEDED) {
        return Err(());
    }
    let (id, status) = (order.id, order.status.as_str());
    let ended = end(store, order, now).await;
    ended.map_err(|error| tracing::error!(order_id = %id, status, %error, "reconciler.window_not_ended"))
}

#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The domain does not let the system make the move.
    #[error(transparent)]
    Refused(#[from] Refusal),
}

async fn end(store: &Store, order: Order, now: Timestamp) -> Result<End, Failure> {
    let Some(window) = order.overdue(now) else { return Ok(End::Overtaken) };
    let (id, name) = (order.id, name(window));
    let Some(command) = window.command() else {
        return Ok(match store.orders().close_evidence(&order, now).await? {
            Replaced::Done => {
                tracing::info!(order_id = %id, window = name, "reconciler.window_ended");
                End::Closed
            }
            Replaced::Stale(_) => End::Overtaken,
        });
    };
    let cancels = matches!(window, Window::Payment | Window::Shipping);
    let action = if cancels { OrderMove::Cancel } else { OrderMove::Deliver };
    let found = facts(store, &order, window).await?;
    let money = Money { payment: found.payment.as_ref(), payout: None };
    match order.may(Actor::System, action, money) {
        Ok(_) if window == Window::Payment && is_reported(&order, now) => return Ok(End::Waiting),
        Ok(_) => {}
        Err(Refusal::PaymentOpen) => return Ok(End::Waiting),
        Err(refusal) => return Err(refusal.into()),
    }
    let written = if window == Window::Payment && contract_refused(&order, &found) {
        cancel_here(store, &order, &found, now).await?
    } else {
        let (next, command) = order.asking(command, None, now);
        let change = OrderChange { command: Some(&command), ..OrderChange::of(&next) };
        matches!(store.orders().change(&change).await?, Requested::Done)
    };
    if !written {
        return Ok(End::Overtaken);
    }
    tracing::info!(order_id = %id, window = name, "reconciler.window_ended");
    Ok(if cancels { End::Cancelled } else { End::Delivered })
}

/// The rows that decide whether an unpaid order may be cancelled, and how.
async fn facts(store: &Store, order: &Order, window: Window) -> Result<Found, StoreError> {
    if window != Window::Payment {
        return Ok(Found::default());
    }
    let never_seen = !order.on_chain;
    let wanted = Wanted {
        payment: order.payment_id,
        command: never_seen.then(|| CommandKind::CreateOrder.id(order.id)),
        product: never_seen.then_some(order.product_id),
        ..Wanted::default()
    };
    if order.payment_id.is_none() && !never_seen {
        return Ok(Found::default());
    }
    store.read_together(&wanted).await
}

/// Whether the buyer reported a payment in DOT that may still come.
fn is_reported(order: &Order, now: Timestamp) -> bool {
    let reported = order.dot_payment.as_ref().filter(|payment| payment.failure.is_none());
    reported.is_some_and(|payment| now < payment.at.plus_seconds(REPORTED_SECONDS))
}

/// Whether the contract never took the order: there is nothing on it to cancel.
fn contract_refused(order: &Order, found: &Found) -> bool {
    !order.on_chain && found.command.as_ref().is_some_and(|command| command.status == CommandStatus::Failed)
}

/// Cancels an order that the contract does not know, as its event would: the pieces are for others again, and a payment that
/// counted goes back.
async fn cancel_here(store: &Store, order: &Order, found: &Found, now: Timestamp) -> Result<bool, StoreError> {
    let mut next = order.clone().touched(now);
    next.status = OrderStatus::Cancelled;
    let line = Transition { status: next.status, at: now, by: None, extrinsic: None, block: None };
    next.history.push(line);
    let stock = found.product.as_ref().map(|product| product.restocked(order.quantity, now));
    let paid = found.payment.as_ref().filter(|payment| payment.status == PaymentStatus::Succeeded);
    let refund = paid.map(|payment| Payment::refund(payment, 1, payment.amount_kes, now));
    next.refund_id = refund.as_ref().map(|refund| refund.id);
    let change = ChainChange {
        order: &next,
        command: None,
        payments: refund.as_slice(),
        withdraw: None,
        stock: stock.as_ref(),
        ledger: None,
    };
    Ok(matches!(store.orders().apply_chain_event(&change, now).await?, Applied::Done))
}

fn name(window: Window) -> &'static str {
    match window {
        Window::Payment => "payment",
        Window::Shipping => "shipping",
        Window::Inspection => "inspection",
        Window::Evidence => "evidence",
    }
}
