//! Another attempt at a payout or refund that finally failed, or whose request was refused.

use descrow_domain::{
    Timestamp,
    audit::AuditEntry,
    order::{Order, OrderStatus},
    payment::{Payment, PaymentKind},
};

use super::Payments;
use crate::{
    StoreError, Table,
    access::based_on,
    error::Refused,
    expression::{expr, number, string},
    item::id_key,
    transaction::{Met, Write},
};

/// What became of another attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Retried {
    /// It is queued; the table's stream wakes who sends it.
    Done,
    /// The failed attempt changed meanwhile: as it is now. A late result may have said that it was paid after all.
    Stale(Option<Box<Payment>>),
    /// There is another attempt already.
    Known(Box<Payment>),
    /// The order no longer owes it by this attempt: as it is now.
    OrderMoved(Option<Box<Order>>),
}

impl Payments<'_> {
    /// Queues `next`, made by [`Payment::again`] from `failed`, the row as it was read. In one transaction with it the order
    /// names the new attempt; a refund that no order names (of money that came twice or too late) stays unnamed. A refused request
    /// becomes a failed one, so that it is on nobody's list any more.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn retry(
        self,
        failed: &Payment,
        next: &Payment,
        audit: Option<&AuditEntry>,
    ) -> Result<Retried, StoreError> {
        let mut named = true;
        loop {
            let mut writes = vec![over(failed, next.created_at)?, Write::create(next, "id")?];
            if named {
                writes.push(name(failed, next));
            }
            writes.extend(audit.map(crate::audit::write).transpose()?);
            let mut cancelled = match self.0.transact(&writes).await {
                Ok(()) => return Ok(Retried::Done),
                Err(Refused::Store(error)) => return Err(error),
                Err(Refused::Condition(cancelled)) => cancelled,
            };
            if let Some(found) = cancelled.at(1) {
                let known = found.row::<Payment>()?.ok_or(StoreError::Contention(Table::MpesaTransactions))?;
                return Ok(if known == *next { Retried::Done } else { Retried::Known(Box::new(known)) });
            }
            if let Some(found) = cancelled.at(0) {
                return Ok(Retried::Stale(found.row()?.map(Box::new)));
            }
            match cancelled.at(2).map(Met::row::<Order>).transpose()? {
                Some(Some(order))
                    if failed.kind == PaymentKind::Refund && order.refund_id != Some(failed.id) && named =>
                {
                    named = false;
                }
                Some(order) if named => return Ok(Retried::OrderMoved(order.map(Box::new))),
                _ => return Err(StoreError::Contention(Table::Audit)),
            }
        }
    }

    /// Queues `shares`, made by [`Payment::shares_instead`] from `failed`, the row as it was read. In one transaction with them the
    /// order names them.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn pay_shares(
        self,
        failed: &Payment,
        shares: &[Payment],
        audit: &AuditEntry,
    ) -> Result<Retried, StoreError> {
        let now = audit.at;
        let mut writes = vec![over(failed, now)?, share(failed, shares, now)];
        for share in shares {
            writes.push(Write::create(share, "id")?);
        }
        writes.push(crate::audit::write(audit)?);
        let mut cancelled = match self.0.transact(&writes).await {
            Ok(()) => return Ok(Retried::Done),
            Err(Refused::Store(error)) => return Err(error),
            Err(Refused::Condition(cancelled)) => cancelled,
        };
        for n in 2..writes.len().saturating_sub(1) {
            if let Some(known) = cancelled.at(n).map(Met::row::<Payment>).transpose()?.flatten() {
                return Ok(Retried::Known(Box::new(known)));
            }
        }
        if let Some(found) = cancelled.at(0) {
            return Ok(Retried::Stale(found.row()?.map(Box::new)));
        }
        match cancelled.at(1) {
            Some(order) => Ok(Retried::OrderMoved(order.row()?.map(Box::new))),
            None => Err(StoreError::Contention(Table::Audit)),
        }
    }
}

/// Nothing came of the failed attempt since it was read.
fn over(failed: &Payment, now: Timestamp) -> Result<Write, StoreError> {
    if let Some(over) = failed.written_off(now) {
        return Write::replace(&over, failed.version);
    }
    let (key, condition) = (id_key(failed.id), based_on(failed.version));
    Ok(Write::Check { table: Table::MpesaTransactions, key, condition })
}

/// The resolved order names its shares in the place of the failed payout, where it names that and none of them.
fn share(failed: &Payment, shares: &[Payment], now: Timestamp) -> Write {
    let find = |kind| shares.iter().find(|share| share.kind == kind);
    let mut set = "SET #updated_at = :now, #version = #version + :one".to_owned();
    let (payout, refund) = (find(PaymentKind::Payout), find(PaymentKind::Refund));
    set.push_str(if refund.is_some() { ", #refund_id = :refund" } else { "" });
    set.push_str(if payout.is_some() { ", #payout_id = :payout" } else { " REMOVE #payout_id" });
    let mut change = expr(set).with(":now", number(now.0)).with(":one", number(1));
    for (name, share) in [(":payout", payout), (":refund", refund)] {
        if let Some(share) = share {
            change = change.with(name, string(share.id));
        }
    }
    let condition = expr("#payout_id = :failed AND #status = :resolved AND attribute_not_exists(#refund_id)")
        .with(":failed", string(failed.id))
        .with(":resolved", string(OrderStatus::Resolved.as_str()));
    Write::Update { table: Table::Orders, key: id_key(failed.order_id), change, condition }
}

/// The order names the new attempt where it named the failed one, and still owes it. A delivered order whose dispute waits for
/// the contract may soon owe nothing, and one that was resolved owes its seller what was decided.
fn name(failed: &Payment, next: &Payment) -> Write {
    let (column, owed) = match failed.kind {
        PaymentKind::Refund => ("refund_id", "#status IN (:resolved, :cancelled)"),
        PaymentKind::Payout | PaymentKind::Collection => (
            "payout_id",
            "((#status = :delivered AND attribute_not_exists(#pending)) \
              OR (#status = :resolved AND #dispute.#decision.#kes_to_seller = :amount))",
        ),
    };
    let change = expr(format!("SET #{column} = :next, #updated_at = :now, #version = #version + :one"))
        .with(":next", string(next.id))
        .with(":now", number(next.created_at.0))
        .with(":one", number(1));
    let condition = expr(format!("#{column} = :failed AND {owed}"))
        .with(":failed", string(failed.id))
        .with(":resolved", string(OrderStatus::Resolved.as_str()));
    let condition = match failed.kind {
        PaymentKind::Refund => condition.with(":cancelled", string(OrderStatus::Cancelled.as_str())),
        PaymentKind::Payout | PaymentKind::Collection => condition
            .with(":delivered", string(OrderStatus::Delivered.as_str()))
            .with(":amount", number(failed.amount_kes.0)),
    };
    Write::Update { table: Table::Orders, key: id_key(failed.order_id), change, condition }
}
