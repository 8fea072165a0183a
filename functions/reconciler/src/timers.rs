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
//!
//! However many orders wait for a payment, or fail, none of them keeps another from its turn: each is looked at again only
//! after those that are due by then, and a run goes on as long as it has time. When it is looked at is written beside the
//! order ([`Orders::look_again`](descrow_store::Orders::look_again)); the deadline that everybody sees stays what it was.

use std::{collections::HashSet, time::Duration};

use descrow_domain::{
    OrderId, Timestamp,
    command::{CommandKind, CommandStatus},
    order::{Actor, Money, Order, OrderMove, OrderStatus, Refusal, Transition, Window},
    payment::{Payment, PaymentStatus},
};
use descrow_platform::Deadline;
use descrow_store::{
    Applied, ChainChange, DueOrder, Found, OrderChange, Replaced, Requested, Store, StoreError, Wanted,
};
use futures_util::{StreamExt, stream};
use serde::Serialize;

/// Orders that are read at once, the longest due first; a run takes as many batches as it has time for.
const BATCH: usize = 200;
/// Orders that are looked at together.
const PARALLEL: usize = 8;
/// What one order needs at the least: a read and a transaction.
const NEEDED: Duration = Duration::from_secs(2);
/// An order that waits or failed is looked at again after so many seconds at the earliest.
const AGAIN_SECONDS: i64 = 60;
/// And one that waits for M-Pesa after so many at the latest: a callback may come long before we ask again.
const AGAIN_LATEST_SECONDS: i64 = 900;
/// A payment in DOT that its buyer reported is waited for this long, in seconds, from the report or from the end of the
/// payment window where that came first: a signed extrinsic can be included for 64 blocks, and the contract would give back
/// what comes after a cancellation anyhow.
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
    /// Nothing can be done before this instant.
    Waiting(Timestamp),
    Overtaken,
}

/// Ends every window that has run out at `now`, as far as there is time.
///
/// # Errors
/// [`StoreError`] when the index cannot be read. What goes wrong with one order is counted and never stops the others.
pub async fn end_windows(store: &Store, now: Timestamp, deadline: Deadline) -> Result<Ended, StoreError> {
    let mut ended = Ended::default();
    let mut seen = Seen::default();
    loop {
        let batch = store.orders().overdue(now, BATCH).await?;
        let full = batch.iter().flatten().count() >= BATCH;
        let mut fresh = Vec::with_capacity(batch.len());
        for row in batch {
            match row {
                // The index may be a moment behind, and show what this run has dealt with.
                Ok(due) if seen.orders.insert(due.order.id) => fresh.push(due),
                Ok(_) => {}
                Err(error) => ended.failed += seen.unreadable(&error),
            }
        }
        let went_on = !fresh.is_empty();
        let looked_at = stream::iter(fresh).map(|due| look_at(store, due, now, deadline));
        let mut ends = looked_at.buffer_unordered(PARALLEL);
        while let Some(end) = ends.next().await {
            ended.count(end.as_ref());
        }
        if !full || !went_on || !deadline.allows(NEEDED) {
            return Ok(ended);
        }
    }
}

impl Ended {
    fn count(&mut self, end: Result<&End, &()>) {
        let counter = match end {
            Ok(End::Cancelled) => &mut self.cancelled,
            Ok(End::Delivered) => &mut self.delivered,
            Ok(End::Closed) => &mut self.closed,
            Ok(End::Waiting(_)) => &mut self.waiting,
            Ok(End::Overtaken) => &mut self.overtaken,
            Err(()) => &mut self.failed,
        };
        *counter += 1;
    }
}

/// What a run has met already.
#[derive(Default)]
struct Seen {
    orders: HashSet<OrderId>,
    unreadable: HashSet<String>,
}

impl Seen {
    /// Tells of a row that cannot be read, once: 1 the first time. It is not moved in the index, since each write of it would
    /// stop the consumers of the table's stream.
    fn unreadable(&mut self, error: &StoreError) -> usize {
        let new = self.unreadable.insert(error.to_string());
        if new {
            tracing::error!(%error, "reconciler.order_unreadable");
        }
        usize::from(new)
    }
}

async fn look_at(store: &Store, due: DueOrder, now: Timestamp, deadline: Deadline) -> Result<End, ()> {
    if !deadline.allows(NEEDED) {
        return Err(());
    }
    let DueOrder { order, at: due } = due;
    let (id, status) = (order.id, order.status.as_str());
    let ended = end(store, order, now).await;
    let ended = ended.map_err(|error| tracing::error!(order_id = %id, status, %error, "reconciler.window_not_ended"));
    let again = match &ended {
        Ok(End::Waiting(until)) => Some(*until),
        Ok(End::Cancelled | End::Delivered | End::Closed | End::Overtaken) => None,
        Err(()) => Some(now.plus_seconds(AGAIN_SECONDS)),
    };
    if let Some(again) = again
        && let Err(error) = store.orders().look_again(id, due, again).await
    {
        // It keeps its place in the index, before those that became due later.
        tracing::warn!(order_id = %id, %error, "reconciler.not_put_off");
    }
    ended
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
        Ok(_) => {}
        Err(Refusal::PaymentOpen) => return Ok(End::Waiting(asked_next(found.payment.as_ref(), now))),
        Err(refusal) => return Err(refusal.into()),
    }
    if let Some(until) = may_still_come(&order, window).filter(|until| now < *until) {
        return Ok(End::Waiting(until));
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

/// When an order whose payment is under way is looked at again: when M-Pesa will have been asked, within limits.
fn asked_next(payment: Option<&Payment>, now: Timestamp) -> Timestamp {
    let next = payment.and_then(|payment| payment.next_check_at).unwrap_or(now);
    next.clamp(now.plus_seconds(AGAIN_SECONDS), now.plus_seconds(AGAIN_LATEST_SECONDS))
}

/// Until when a payment in DOT that the buyer reported may still come. Reports that follow one another gain no time: what was
/// not sent within the window is not waited for.
fn may_still_come(order: &Order, window: Window) -> Option<Timestamp> {
    let reported =
        order.dot_payment.as_ref().filter(|payment| payment.failure.is_none() && window == Window::Payment)?;
    let sent = order.deadlines.payment.map_or(reported.at, |end| reported.at.min(end));
    Some(sent.plus_seconds(REPORTED_SECONDS))
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
