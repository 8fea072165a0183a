//! `orders`: what was ordered, and the transactions in which an order and something else must agree.
//!
//! | written together | because otherwise a crash between the two would |
//! |---|---|
//! | order, stock, createOrder command, its reference, idempotency record | sell the last piece twice, or leave an order that the contract never hears of |
//! | pending action, command | show a move that never happens, or make one that nobody sees |
//! | new status, final command, payout | deliver an order whose seller is never paid |
//! | payment row, `order.payment_id` | ring the buyer's phone twice for one order |
//! | report of a payment in DOT, idempotency record | answer the same report differently |

mod create;
mod dot;
mod due;
mod moves;
mod pay;

use descrow_domain::{
    Account, OrderId,
    order::{Order, OrderStatus, PaymentMode},
};

pub use create::{Created, SellerTerms};
pub use dot::DotNoted;
pub use due::DueOrder;
pub(crate) use moves::rearm;
pub use moves::{Applied, ChainChange, FinalCommand, OrderChange, Requested};
pub use pay::Begun;

use crate::{
    Page, Store, StoreError, Table,
    days::{ByDay, before_created, created_instant},
    expression::{Expression, expr, number, string},
    item::{Item, Row, SHARDS, created_key, id_key, shard},
    list::Listing,
};

impl Row for Order {
    const TABLE: Table = Table::Orders;

    fn index(&self, item: &mut Item) {
        let uuid = self.id.as_uuid();
        item.insert("created_key".into(), string(created_key(self.created_at, uuid)));
        item.insert("status_shard".into(), string(status_shard(self.status, shard(uuid))));
        // The day (UTC), so that no day's orders make one partition hot for long.
        item.insert("created_bucket".into(), string(self.created_at.day()));
        if let Some((_, due)) = self.window() {
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

/// Passes orders that are paid so.
fn paid_by(mode: PaymentMode) -> Expression {
    expr("#payment_mode = :mode").with(":mode", string(mode.as_str()))
}

/// Whose orders.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OrdersOf {
    /// What this account bought.
    Buyer(Account),
    /// What this account sold.
    Seller(Account),
    /// Everybody's.
    Everybody,
}

/// Which orders to list, newest first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrderList<'a> {
    /// Whose.
    pub of: OrdersOf,
    /// Only with this status.
    pub status: Option<OrderStatus>,
    /// Only those paid so.
    pub mode: Option<PaymentMode>,
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

    /// A page of orders, newest first. One of everybody's may be short and still have a next one.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn list(self, wanted: &OrderList<'_>) -> Result<Page<Order>, StoreError> {
        let (index, partition, values) = match wanted.of {
            OrdersOf::Buyer(account) => ("by_buyer", "buyer_id", vec![string(account)]),
            OrdersOf::Seller(account) => ("by_seller", "seller_id", vec![string(account)]),
            OrdersOf::Everybody => match wanted.status {
                Some(status) => {
                    ("by_status", "status_shard", (0..SHARDS).map(|n| string(status_shard(status, n))).collect())
                }
                None => return self.by_creation(wanted).await,
            },
        };
        let by_status = |status: OrderStatus| expr("#status = :status").with(":status", string(status.as_str()));
        let status = wanted.status.filter(|_| wanted.of != OrdersOf::Everybody).map(by_status);
        let filter = match (status, wanted.mode.map(paid_by)) {
            (Some(status), Some(mode)) => Some(status.and(mode)),
            (status, mode) => status.or(mode),
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

    async fn by_creation(self, wanted: &OrderList<'_>) -> Result<Page<Order>, StoreError> {
        let wanted = ByDay {
            index: Some("by_created"),
            partition: "created_bucket",
            sort: "created_key",
            position: wanted.position,
            filter: wanted.mode.map(paid_by),
            limit: wanted.limit,
            instant: created_instant,
            before: before_created,
        };
        self.0.list_by_day(wanted).await
    }
}
