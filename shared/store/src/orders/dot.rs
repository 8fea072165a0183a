//! What a buyer reports of a payment in DOT, noted on the order.

use descrow_domain::order::{Order, OrderStatus};

use super::Orders;
use crate::{
    IdempotencyRecord, StoreError, Table,
    access::based_on,
    error::Refused,
    expression::{expr, string},
    item::encode,
    transaction::{Met, Write},
};

/// What became of a note.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DotNoted {
    /// It is on the order.
    Done,
    /// The order changed meanwhile: as it is now.
    Stale(Option<Box<Order>>),
    /// The same request was answered before.
    Replay(Box<IdempotencyRecord>),
}

impl Orders<'_> {
    /// Writes `next`, an order with another `dot_payment` and a version one more than that of the order it is based on, together
    /// with the answer to the report. Only on an order that is not paid yet.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn note_dot_payment(self, next: &Order, record: &IdempotencyRecord) -> Result<DotNoted, StoreError> {
        let unpaid = based_on(next.version.saturating_sub(1))
            .and(expr("#status = :created").with(":created", string(OrderStatus::Created.as_str())));
        let order = Write::Put { table: Table::Orders, item: encode(next)?, condition: unpaid };
        let mut cancelled = match self.0.transact(&[order, record.write(next.updated_at)?]).await {
            Ok(()) => return Ok(DotNoted::Done),
            Err(Refused::Store(error)) => return Err(error),
            Err(Refused::Condition(cancelled)) => cancelled,
        };
        if let Some(record) = cancelled.at(1) {
            let record = record.row()?;
            return record.map(|r| DotNoted::Replay(Box::new(r))).ok_or(StoreError::Contention(Table::Limits));
        }
        match cancelled.at(0).map(Met::row).transpose()? {
            Some(order) => Ok(DotNoted::Stale(order.map(Box::new))),
            None => Err(StoreError::Contention(Table::Orders)),
        }
    }
}
