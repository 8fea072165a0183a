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

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
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
    access::based_on,
    days::{ByDay, before_created, created_instant},
    error::Refused,
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
        item.insert(STATUS_KEY.into(), string(status_key(self.status, self.id)));
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

/// The column that a party's list by status is sorted by.
const STATUS_KEY: &str = "status_key";

/// The sort key of `by_buyer_status` and `by_seller_status`: one status after the other, each by creation, as ids sort.
pub(crate) fn status_key(status: OrderStatus, order: OrderId) -> String {
    format!("{}{order}", status_prefix(status))
}

/// What the keys of a status begin with, and of no other.
fn status_prefix(status: OrderStatus) -> String {
    format!("{}#", status.as_str())
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

    /// A page of orders, newest first. One of those paid so, or of everybody's, may be short and still have a next one; a party's is full
    /// unless it is the last, since its status is part of a key.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn list(self, wanted: &OrderList<'_>) -> Result<Page<Order>, StoreError> {
        let (party, account) = match (wanted.of, wanted.status) {
            (OrdersOf::Buyer(account), None) => (("by_buyer", "buyer_id"), account),
            (OrdersOf::Buyer(account), Some(_)) => (("by_buyer_status", "buyer_id"), account),
            (OrdersOf::Seller(account), None) => (("by_seller", "seller_id"), account),
            (OrdersOf::Seller(account), Some(_)) => (("by_seller_status", "seller_id"), account),
            (OrdersOf::Everybody, Some(status)) => return self.by_status(wanted, status).await,
            (OrdersOf::Everybody, None) => return self.by_creation(wanted).await,
        };
        let (index, partition) = party;
        let prefix = wanted.status.map(status_prefix);
        // A cursor from before this index stands for no place in it: the list begins again.
        let within = |position: &&str| prefix.as_ref().is_none_or(|prefix| position.starts_with(prefix));
        let listing = Listing {
            index: Some(index),
            partition,
            values: vec![string(account)],
            sort: if prefix.is_some() { STATUS_KEY } else { "created_key" },
            descending: true,
            position: wanted.position.filter(within),
            filter: wanted.mode.map(paid_by),
            limit: wanted.limit,
        };
        self.0.list_within(listing, prefix.as_deref()).await
    }

    async fn by_status(self, wanted: &OrderList<'_>, status: OrderStatus) -> Result<Page<Order>, StoreError> {
        let listing = Listing {
            index: Some("by_status"),
            partition: "status_shard",
            values: (0..SHARDS).map(|n| string(status_shard(status, n))).collect(),
            sort: "created_key",
            descending: true,
            position: wanted.position,
            filter: wanted.mode.map(paid_by),
            limit: wanted.limit,
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
    /// Whether `item`, which is `order`, stands where the lists by status look for it. One that a release without these lists wrote does
    /// not.
    pub fn in_place(item: &HashMap<String, AttributeValue>, order: &Order) -> bool {
        let key = item.get(STATUS_KEY).and_then(|key| key.as_s().ok());
        key.is_some_and(|key| *key == status_key(order.status, order.id))
    }

    /// Gives a row its place in the lists by status; `false` where it changed since, or has it.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn put_in_place(self, order: &Order) -> Result<bool, StoreError> {
        let key = string(status_key(order.status, order.id));
        let change = expr(format!("SET #{STATUS_KEY} = :key"));
        let elsewhere = expr(format!("(attribute_not_exists(#{STATUS_KEY}) OR #{STATUS_KEY} <> :key)"));
        let condition = based_on(order.version).and(elsewhere.with(":key", key));
        match self.0.update(Table::Orders, id_key(order.id), &change, Some(&condition)).await {
            Ok(_) => Ok(true),
            Err(Refused::Condition(_)) => Ok(false),
            Err(Refused::Store(error)) => Err(error),
        }
    }
}
