//! `mpesa_transactions`: movements of shillings.
//!
//! A payment's row changes by [`Payments::amend`] alone, which decides again whenever somebody else was faster; what settles
//! money goes through a transaction in [`settle`](self). Beside the payments the table holds one marker for each receipt,
//! `receipt#<sha256>`, so that a receipt counts once.

mod retry;
mod settle;

use descrow_domain::{
    Account, OrderId, PaymentId, Timestamp,
    order::Order,
    payment::{Payment, PaymentKind, PaymentStatus},
};

pub use retry::Retried;
pub use settle::Settled;

use crate::{
    Page, Replaced, Store, StoreError, Table,
    days::{ByDay, before_created, created_instant},
    expression::{Expression, expr, string},
    item::{Item, Row, SHARDS, attribute, created_key, id_key, shard},
    list::Listing,
};

/// How often a change is decided anew when others change the same payment.
const ATTEMPTS: u32 = 6;

impl Row for Payment {
    const TABLE: Table = Table::MpesaTransactions;

    fn index(&self, item: &mut Item) {
        item.insert("created_key".into(), string(created_key(self.created_at, self.id.as_uuid())));
        item.insert("created_bucket".into(), string(self.created_at.day()));
        if self.next_check_at.is_some() {
            item.insert("due_shard".into(), string(due_shard(shard(self.id.as_uuid()))));
        }
    }
}

/// The partition of `by_due`.
fn due_shard(shard: u8) -> String {
    format!("due#{shard}")
}

/// Which payments to list, newest first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PaymentList<'a> {
    /// What this account paid or was paid; everybody's where absent.
    pub of: Option<Account>,
    /// Only of this kind.
    pub kind: Option<PaymentKind>,
    /// Only with this status.
    pub status: Option<PaymentStatus>,
    /// The position that the page before ended at.
    pub position: Option<&'a str>,
    /// At most so many.
    pub limit: usize,
}

impl PaymentList<'_> {
    fn filter(&self) -> Result<Option<Expression>, StoreError> {
        let kind = self.kind.map(|kind| attribute(Table::MpesaTransactions, &kind)).transpose()?;
        let kind = kind.map(|kind| expr("#kind = :kind").with(":kind", kind));
        let status = self.status.map(|status| expr("#status = :status").with(":status", string(status.as_str())));
        Ok(match (kind, status) {
            (Some(kind), Some(status)) => Some(kind.and(status)),
            (kind, status) => kind.or(status),
        })
    }
}

/// Access to `mpesa_transactions`.
#[derive(Clone, Copy, Debug)]
pub struct Payments<'a>(pub(crate) &'a Store);

impl Payments<'_> {
    /// The payment.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn get(self, id: PaymentId) -> Result<Option<Payment>, StoreError> {
        self.0.get(id_key(id)).await
    }

    /// The payments with these ids, at most 100 and in no order, in one round trip.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn get_all(self, ids: &[PaymentId]) -> Result<Vec<Payment>, StoreError> {
        self.0.payments_together(ids).await
    }

    /// Replaces the row of `next.version - 1`.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn replace(self, next: &Payment) -> Result<Replaced<Payment>, StoreError> {
        self.0.replace(next, next.version.saturating_sub(1)).await
    }

    /// Changes a payment that was read as `known`: `change` gives the row after it, with a version one higher, or `None`
    /// where nothing is to be done; it is asked again with the present row when somebody else was faster. Gives the row as it
    /// is in the end, and whether this call changed it.
    ///
    /// # Errors
    /// [`StoreError`]; [`StoreError::Contention`] also when the row is gone.
    pub async fn amend(
        self,
        known: Payment,
        change: impl Fn(&Payment) -> Option<Payment>,
    ) -> Result<(Payment, bool), StoreError> {
        let mut current = known;
        for _ in 0..ATTEMPTS {
            let Some(next) = change(&current) else { return Ok((current, false)) };
            match self.replace(&next).await? {
                Replaced::Done => return Ok((next, true)),
                Replaced::Stale(Some(newer)) => current = *newer,
                Replaced::Stale(None) => break,
            }
        }
        Err(StoreError::Contention(Table::MpesaTransactions))
    }

    /// Commits a payout or refund that must not be there yet; `false` when it is.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn create(self, payment: &Payment) -> Result<bool, StoreError> {
        Ok(self.0.create(payment, "id").await?.is_none())
    }

    /// The payments of an order, oldest first.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn of_order(self, order: OrderId) -> Result<Vec<Payment>, StoreError> {
        let page: Page<Payment> = self
            .0
            .list(Listing {
                index: Some("by_order"),
                partition: "order_id",
                values: vec![string(order)],
                sort: "created_key",
                descending: false,
                position: None,
                filter: None,
                limit: 100,
            })
            .await?;
        Ok(page.items)
    }

    /// An order with its payments in one round trip: they are found by the order's id, not by what the order says of them. The
    /// index may be a moment behind; where it misses a payment that the order names, a second read gets it.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn with_order(self, id: OrderId) -> Result<Option<(Order, Vec<Payment>)>, StoreError> {
        let (order, mut payments) = tokio::try_join!(self.0.orders().get(id), self.of_order(id))?;
        let Some(order) = order else { return Ok(None) };
        let named = [order.payment_id, order.payout_id, order.refund_id].into_iter().flatten();
        let missed: Vec<PaymentId> = named.filter(|id| payments.iter().all(|found| found.id != *id)).collect();
        if !missed.is_empty() {
            payments.extend(self.get_all(&missed).await?);
        }
        Ok(Some((order, payments)))
    }

    /// A page of payments, newest first. One that is filtered, or of everybody's, may be short and still have a next one.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn list(self, wanted: &PaymentList<'_>) -> Result<Page<Payment>, StoreError> {
        let (position, limit, filter) = (wanted.position, wanted.limit, wanted.filter()?);
        let Some(user) = wanted.of else {
            let wanted = ByDay {
                index: Some("by_created"),
                partition: "created_bucket",
                sort: "created_key",
                position,
                filter,
                limit,
                instant: created_instant,
                before: before_created,
            };
            return self.0.list_by_day(wanted).await;
        };
        let listing = Listing {
            index: Some("by_user"),
            partition: "user_id",
            values: vec![string(user)],
            sort: "created_key",
            descending: true,
            position,
            filter,
            limit,
        };
        self.0.list(listing).await
    }

    /// At most `limit` payments that are to be looked at, the longest overdue first. A row that cannot be read is an error in
    /// its place.
    ///
    /// # Errors
    /// [`StoreError`] when the index cannot be read.
    pub async fn due(self, now: Timestamp, limit: usize) -> Result<Vec<Result<Payment, StoreError>>, StoreError> {
        let due = self.0.due((0..SHARDS).map(due_shard), "next_check_at", now, None, limit).await?;
        Ok(due.into_iter().map(|row| row.map(|due| due.row)).collect())
    }
}
