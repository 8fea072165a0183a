//! `mpesa_transactions`: movements of shillings.
//!
//! A payment's row changes by [`Payments::amend`] alone, which decides again whenever somebody else was faster; what settles
//! money goes through a transaction in [`settle`](self). Beside the payments the table holds one marker for each receipt,
//! `receipt#<sha256>`, so that a receipt counts once.

mod retry;
mod settle;

use descrow_domain::{Account, OrderId, PaymentId, Timestamp, payment::Payment};

pub use retry::Retried;
pub use settle::Settled;

use crate::{
    Page, Replaced, Store, StoreError, Table,
    days::{ByDay, before_created, created_instant},
    expression::string,
    item::{Item, Row, SHARDS, created_key, id_key, shard},
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

    /// A page of what `user` paid or was paid, newest first.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn by_user(
        self,
        user: Account,
        position: Option<&str>,
        limit: usize,
    ) -> Result<Page<Payment>, StoreError> {
        let listing = Listing {
            index: Some("by_user"),
            partition: "user_id",
            values: vec![string(user)],
            sort: "created_key",
            descending: true,
            position,
            filter: None,
            limit,
        };
        self.0.list(listing).await
    }

    /// A page of everybody's payments, newest first. It may be short and still have a next one.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn by_created(self, position: Option<&str>, limit: usize) -> Result<Page<Payment>, StoreError> {
        let wanted = ByDay {
            index: Some("by_created"),
            partition: "created_bucket",
            sort: "created_key",
            position,
            filter: None,
            limit,
            instant: created_instant,
            before: before_created,
        };
        self.0.list_by_day(wanted).await
    }

    /// At most `limit` payments that are to be looked at, the longest overdue first.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn due(self, now: Timestamp, limit: usize) -> Result<Vec<Payment>, StoreError> {
        self.0.due((0..SHARDS).map(due_shard), "next_check_at", now, None, limit).await
    }
}
