//! `orders`: what was ordered, and the transactions in which an order and something else must agree.
//!
//! | written together | because otherwise a crash between the two would |
//! |---|---|
//! | order, stock, createOrder command, its reference, idempotency record | sell the last piece twice, or leave an order that the contract never hears of |
//! | pending action, command | show a move that never happens, or make one that nobody sees |
//! | new status, final command, payout | deliver an order whose seller is never paid |
//! | payment row, `order.payment_id` | ring the buyer's phone twice for one order |

mod create;
mod moves;
mod pay;

use descrow_domain::{
    Account, OrderId, Timestamp,
    order::{Order, OrderStatus},
};

pub use create::Created;
pub(crate) use moves::rearm;
pub use moves::{Applied, ChainChange, FinalCommand, Requested};
pub use pay::Begun;

use crate::{
    Page, Store, StoreError, Table,
    expression::{Bindings, expr, number, string},
    item::{Item, Row, SHARDS, created_key, decode, id_key, shard},
    list::Listing,
};

impl Row for Order {
    const TABLE: Table = Table::Orders;

    fn index(&self, item: &mut Item) {
        let uuid = self.id.as_uuid();
        item.insert("created_key".into(), string(created_key(self.created_at, uuid)));
        item.insert("status_shard".into(), string(status_shard(self.status, shard(uuid))));
        item.insert("created_bucket".into(), string(created_bucket(self.created_at)));
        if let Some(due) = due_at(self) {
            item.insert("due_shard".into(), string(due_shard(shard(uuid))));
            item.insert("due_at".into(), number(due.0));
        }
    }
}

/// The partition of `by_status`.
pub(crate) fn status_shard(status: OrderStatus, shard: u8) -> String {
    format!("{}#{shard}", status.as_str())
}

/// The partition of `by_due`.
fn due_shard(shard: u8) -> String {
    format!("due#{shard}")
}

/// The partition of `by_created`: the day (UTC), so that no day's orders make one partition hot for long.
fn created_bucket(at: Timestamp) -> String {
    at.rfc3339().chars().take(10).collect()
}

/// The deadline that is in force in the order's status.
fn due_at(order: &Order) -> Option<Timestamp> {
    match order.status {
        OrderStatus::Created => order.deadlines.payment,
        OrderStatus::Funded => order.deadlines.shipping,
        OrderStatus::Shipped => order.deadlines.inspection,
        OrderStatus::Disputed => order.deadlines.evidence,
        OrderStatus::Delivered | OrderStatus::Completed | OrderStatus::Resolved | OrderStatus::Cancelled => None,
    }
}

/// Whose orders.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OrdersOf {
    /// What this account bought.
    Buyer(Account),
    /// What this account sold.
    Seller(Account),
    /// Everybody's with the list's status, which is [`OrderStatus::Created`] where none is given.
    Everybody,
}

/// Which orders to list, newest first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrderList<'a> {
    /// Whose.
    pub of: OrdersOf,
    /// Only with this status.
    pub status: Option<OrderStatus>,
    /// The position that the page before ended at.
    pub position: Option<&'a str>,
    /// At most so many.
    pub limit: usize,
}

/// Access to `orders`.
#[derive(Clone, Copy, Debug)]
pub struct Orders<'a>(pub(crate) &'a Store);

impl Orders<'_> {
    /// The order.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn get(self, id: OrderId) -> Result<Option<Order>, StoreError> {
        self.0.get(id_key(id)).await
    }

    /// A page of orders, newest first.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn list(self, wanted: &OrderList<'_>) -> Result<Page<Order>, StoreError> {
        let (index, partition, values) = match wanted.of {
            OrdersOf::Buyer(account) => ("by_buyer", "buyer_id", vec![string(account)]),
            OrdersOf::Seller(account) => ("by_seller", "seller_id", vec![string(account)]),
            OrdersOf::Everybody => {
                let status = wanted.status.unwrap_or(OrderStatus::Created);
                ("by_status", "status_shard", (0..SHARDS).map(|n| string(status_shard(status, n))).collect())
            }
        };
        let filter = match (wanted.of, wanted.status) {
            (OrdersOf::Buyer(_) | OrdersOf::Seller(_), Some(status)) => {
                Some(expr("#status = :status").with(":status", string(status.as_str())))
            }
            _ => None,
        };
        let (position, limit) = (wanted.position, wanted.limit);
        let listing = Listing {
            index: Some(index),
            partition,
            values,
            sort: "created_key",
            descending: true,
            position,
            filter,
            limit,
        };
        self.0.list(listing).await
    }

    /// At most `limit` orders whose deadline in force has passed at `now`, the longest overdue first.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn overdue(self, now: Timestamp, limit: usize) -> Result<Vec<Order>, StoreError> {
        let shards = (0..SHARDS).map(due_shard);
        let due = self.0.due::<Order>(shards, "due_at", now, limit).await?;
        Ok(due)
    }
}

impl Store {
    /// At most `limit` rows of `by_due` whose `column` is not after `now`, the earliest first.
    pub(crate) async fn due<R: Row>(
        &self,
        shards: impl Iterator<Item = String>,
        column: &'static str,
        now: Timestamp,
        limit: usize,
    ) -> Result<Vec<R>, StoreError> {
        let query = |shard: String| async move {
            let condition = expr(format!("#due_shard = :shard AND #{column} <= :now"))
                .with(":shard", string(shard))
                .with(":now", number(now.0));
            let bindings = Bindings::of([&condition]);
            let output = self
                .client()
                .query()
                .table_name(self.tables().name(R::TABLE)?)
                .index_name("by_due")
                .key_condition_expression(condition.text())
                .set_expression_attribute_names(bindings.names)
                .set_expression_attribute_values(bindings.values)
                .limit(i32::try_from(limit).unwrap_or(i32::MAX))
                .send()
                .await
                .map_err(|error| StoreError::failed("Query", R::TABLE, &error))?;
            Ok::<_, StoreError>(output.items.unwrap_or_default())
        };
        let found = futures_util::future::try_join_all(shards.map(query)).await?;
        let at = |item: &Item| -> i64 {
            item.get(column).and_then(|v| v.as_n().ok()).and_then(|n| n.parse().ok()).unwrap_or_default()
        };
        let mut items: Vec<Item> = found.into_iter().flatten().collect();
        items.sort_by_key(at);
        items.truncate(limit);
        items.into_iter().map(decode).collect()
    }
}
