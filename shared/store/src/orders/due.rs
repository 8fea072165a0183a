//! Orders whose window has ended, and when each is looked at again.
//!
//! The index `by_due` holds the instant at which an order is looked at. Each write of the whole order makes it the end of the
//! window in force; where nothing can be done at that end, it alone is moved on, and the order stays as it is, deadline
//! and version. Whoever waits is then behind those who do not.

use descrow_domain::{OrderId, Timestamp, order::Order};

use super::{Orders, due_shard};
use crate::{
    StoreError, Table,
    due::Due,
    error::Refused,
    expression::{expr, number},
    item::{SHARDS, id_key},
};

/// An order that is due.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DueOrder {
    /// The order.
    pub order: Order,
    /// Since when the index has it for due: the end of its window, or when it was to be looked at again.
    pub at: Timestamp,
}

impl Orders<'_> {
    /// At most `limit` orders whose window in force has ended at `now` without the move that it waited for
    /// ([`Order::overdue`]), the longest due first. A row that cannot be read is an error in its place, and takes no other's.
    ///
    /// # Errors
    /// [`StoreError`] when the index cannot be read.
    pub async fn overdue(self, now: Timestamp, limit: usize) -> Result<Vec<Result<DueOrder, StoreError>>, StoreError> {
        let shards = (0..SHARDS).map(due_shard);
        let idle = expr("attribute_not_exists(#pending)");
        let due = self.0.due::<Order>(shards, "due_at", now, Some(&idle), limit).await?;
        let order = |Due { at, row }| DueOrder { order: row, at };
        Ok(due.into_iter().map(|row| row.map(order)).collect())
    }

    /// Has the order `id`, which was due since `due`, looked at again at `at`. `false`, and nothing is written, where it is
    /// due at another instant meanwhile.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn look_again(self, id: OrderId, due: Timestamp, at: Timestamp) -> Result<bool, StoreError> {
        let change = expr("SET #due_at = :at").with(":at", number(at.0));
        let unmoved = expr("#due_at = :due").with(":due", number(due.0));
        match self.0.update(Table::Orders, id_key(id), &change, Some(&unmoved)).await {
            Ok(_) => Ok(true),
            Err(Refused::Condition(_)) => Ok(false),
            Err(Refused::Store(error)) => Err(error),
        }
    }
}
