//! `limits`: rate windows, pauses and idempotency records; everything in it goes by TTL.

use descrow_domain::Timestamp;

use crate::{
    IdempotencyRecord, Store, StoreError, Table,
    error::Refused,
    expression::{expr, number},
    item::{Row, id_key},
};

/// How often something happened in a window of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// So often, this time included.
    pub count: u64,
    /// When the count begins anew.
    pub resets_at: Timestamp,
}

#[derive(serde::Serialize, serde::Deserialize)]
struct Count {
    hits: u64,
}

impl Row for Count {
    const TABLE: Table = Table::Limits;
}

#[derive(serde::Serialize, serde::Deserialize)]
struct Pause {
    free_at: Timestamp,
}

impl Row for Pause {
    const TABLE: Table = Table::Limits;
}

/// Access to `limits`.
#[derive(Clone, Copy, Debug)]
pub struct Limits<'a>(pub(crate) &'a Store);

impl Limits<'_> {
    /// Counts one event under `key` in the present window of `seconds`.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn hit(self, key: &str, seconds: u32, now: Timestamp) -> Result<Window, StoreError> {
        let length = i64::from(seconds.max(1));
        let begins = now.seconds().div_euclid(length).saturating_mul(length);
        let ends = begins.saturating_add(length);
        let change = expr("ADD #hits :one SET #expires_at = :expires")
            .with(":one", number(1))
            .with(":expires", number(ends.saturating_add(60)));
        let item = match self.0.update(Table::Limits, id_key(format!("rate#{key}#{begins}")), &change, None).await {
            Ok(item) => item,
            Err(Refused::Condition(_)) => return Err(StoreError::Contention(Table::Limits)),
            Err(Refused::Store(error)) => return Err(error),
        };
        let count: Count = crate::item::decode(item)?;
        Ok(Window { count: count.hits, resets_at: Timestamp(ends.saturating_mul(1000)) })
    }

    /// Takes the right to do `key`, which may be done once in `seconds`: `None` where this call has it, else when it can be
    /// taken again.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn once_in(self, key: &str, seconds: i64, now: Timestamp) -> Result<Option<Timestamp>, StoreError> {
        let free_at = now.plus_seconds(seconds);
        let change = expr("SET #free_at = :free_at, #expires_at = :expires")
            .with(":free_at", number(free_at.0))
            .with(":expires", number(free_at.seconds().saturating_add(60)));
        let free = expr("attribute_not_exists(#free_at) OR #free_at <= :now").with(":now", number(now.0));
        match self.0.update(Table::Limits, id_key(format!("pause#{key}")), &change, Some(&free)).await {
            Ok(_) => Ok(None),
            Err(Refused::Condition(Some(old))) => Ok(Some(crate::item::decode::<Pause>(old)?.free_at)),
            Err(Refused::Condition(None)) => Err(StoreError::Contention(Table::Limits)),
            Err(Refused::Store(error)) => Err(error),
        }
    }

    /// Keeps the answer to the request that claimed `record`, to be given again.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn finish(self, record: &IdempotencyRecord, outcome: &str) -> Result<(), StoreError> {
        crate::idempotency::finish(self.0, record, outcome).await
    }

    /// Gives up the claim of a request that failed without effect, so that it can be tried again.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn forget(self, record: &IdempotencyRecord) -> Result<(), StoreError> {
        crate::idempotency::forget(self.0, record).await
    }

    /// The record `id`, if it is in force at `now`.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn idempotency(self, id: &str, now: Timestamp) -> Result<Option<IdempotencyRecord>, StoreError> {
        let record: Option<IdempotencyRecord> = self.0.get(id_key(id)).await?;
        Ok(record.filter(|r| r.in_force(now)))
    }
}
