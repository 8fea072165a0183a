//! Idempotency records: a request that moves money is carried out once and answered the same each time.
//!
//! Where the request's effect is a transaction, its record is written in the same one with the answer in it, and there is
//! nothing in between. Otherwise it is claimed before, and the claim of a request that died is free again after a while.

use descrow_domain::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    Store, StoreError, Table,
    error::Refused,
    expression::{Expression, expr, number, string},
    item::{Row, encode, id_key},
    transaction::Write,
};

/// What is remembered of a request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct IdempotencyRecord {
    /// The key, `idempotency#<who and what>`: give the user, the route and the client's key to [`IdempotencyRecord::id`].
    pub id: String,
    /// Hash of the request: the same key with another request is refused.
    pub request_hash: String,
    /// The answer, as text; `None` while the request is under way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<String>,
    /// Until when a claim without outcome is respected.
    pub locked_until: Timestamp,
    /// Seconds since the epoch; the table's TTL.
    pub expires_at: i64,
}

impl Row for IdempotencyRecord {
    const TABLE: Table = Table::Limits;
}

impl IdempotencyRecord {
    /// The key of a record: a hash, since the client's part may be long or contain anything.
    pub fn id(scope: &str, key: &str) -> String {
        use sha2::{Digest, Sha256};
        let mut hasher = Sha256::new();
        hasher.update(scope.len().to_be_bytes());
        hasher.update(scope);
        hasher.update(key);
        format!("idempotency#{}", hex::encode(hasher.finalize()))
    }

    /// Whether it still counts.
    pub fn in_force(&self, now: Timestamp) -> bool {
        now.seconds() < self.expires_at && (self.outcome.is_some() || now < self.locked_until)
    }

    /// The write that puts the record into a transaction.
    pub(crate) fn write(&self, now: Timestamp) -> Result<Write, StoreError> {
        Ok(Write::Put { table: Table::Limits, item: encode(self)?, condition: free(now) })
    }
}

/// No record that still counts is there.
fn free(now: Timestamp) -> Expression {
    expr(
        "attribute_not_exists(#id) OR #expires_at <= :seconds OR (attribute_not_exists(#outcome) AND #locked_until <= :now)",
    )
    .with(":seconds", number(now.seconds()))
    .with(":now", number(now.0))
}

/// Nobody else claimed it since.
fn own(record: &IdempotencyRecord) -> Expression {
    expr("#request_hash = :hash AND #locked_until = :until AND attribute_not_exists(#outcome)")
        .with(":hash", string(&record.request_hash))
        .with(":until", number(record.locked_until.0))
}

pub(crate) async fn finish(store: &Store, record: &IdempotencyRecord, outcome: &str) -> Result<(), StoreError> {
    let change = expr("SET #outcome = :outcome").with(":outcome", string(outcome));
    match store.update(Table::Limits, id_key(&record.id), &change, Some(&own(record))).await {
        // Refused: the claim ran out and another request has it; its answer will stand.
        Ok(_) | Err(Refused::Condition(_)) => Ok(()),
        Err(Refused::Store(error)) => Err(error),
    }
}

pub(crate) async fn forget(store: &Store, record: &IdempotencyRecord) -> Result<(), StoreError> {
    store.take(Table::Limits, id_key(&record.id), Some(&own(record))).await.map(|_| ())
}
