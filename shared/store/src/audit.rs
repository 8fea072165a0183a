//! `audit`: what admins did. Appended in the transaction that does it, and never changed.

use descrow_domain::{AuditId, Timestamp, audit::AuditEntry};

use crate::{Page, Store, StoreError, Table, days::ByDay, item::Row, transaction::Write};

impl Row for AuditEntry {
    const TABLE: Table = Table::Audit;
}

/// The write that puts the entry into the transaction that does what it tells.
pub(crate) fn write(entry: &AuditEntry) -> Result<Write, StoreError> {
    Write::create(entry, "id")
}

/// Access to `audit`.
#[derive(Clone, Copy, Debug)]
pub struct Audit<'a>(pub(crate) &'a Store);

impl Audit<'_> {
    /// A page of the log, newest first. It may be short and still have a next one.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn list(self, position: Option<&str>, limit: usize) -> Result<Page<AuditEntry>, StoreError> {
        let wanted = ByDay {
            index: None,
            partition: "day",
            sort: "id",
            position,
            filter: None,
            limit,
            instant: |key| key.parse().ok().and_then(AuditId::created_at),
            before: first_id,
        };
        self.0.list_by_day(wanted).await
    }
}

/// The least id of an instant.
fn first_id(at: Timestamp) -> String {
    let millis = u64::try_from(at.0).unwrap_or_default();
    uuid::Builder::from_unix_timestamp_millis(millis, &[0; 10]).into_uuid().hyphenated().to_string()
}
