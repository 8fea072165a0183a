//! Another attempt at a payout or refund that finally failed, or whose request was refused.

use descrow_domain::{
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
            let still = if let Some(over) = failed.written_off(next.created_at) {
                Write::replace(&over, failed.version)?
            } else {
                let (key, condition) = (id_key(failed.id), based_on(failed.version));
                Write::Check { table: Table::MpesaTransactions, key, condition }
            };
            let mut writes = vec![still, Write::create(next, "id")?];
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
