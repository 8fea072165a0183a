//! What can go wrong between us and DynamoDB.

use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};

use crate::Table;

/// The database did not do what was asked; whether a write happened is unknown for [`StoreError::Failed`] only.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// An item is not what its table holds. The reason shows no values.
    #[error("item {key} of table {table} is unreadable: {reason}")]
    Unreadable {
        /// The table.
        table: Table,
        /// The item's key; of sessions, connections and limits only its kind, since the rest is a secret or personal.
        key: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A row has no representation as an item.
    #[error("row for table {table} cannot be written: {reason}")]
    Unwritable {
        /// The table.
        table: Table,
        /// What is wrong with it.
        reason: String,
    },
    /// The function's configuration does not name the table: a mistake of ours.
    #[error("table {0} is not configured")]
    NotConfigured(Table),
    /// DynamoDB refused, or did not answer.
    #[error("{operation} on table {table} failed: {code}")]
    Failed {
        /// The API operation.
        operation: &'static str,
        /// The table, the first one of a transaction.
        table: Table,
        /// DynamoDB's error code, or what kind of silence it was.
        code: String,
    },
    /// Others kept changing the same items; nothing was written, and trying later will do.
    #[error("too much contention on table {0}")]
    Contention(Table),
}

impl StoreError {
    /// A failed call, by its code alone: messages of the SDK may quote what was sent.
    pub(crate) fn failed<E: ProvideErrorMetadata, R>(
        operation: &'static str,
        table: Table,
        error: &SdkError<E, R>,
    ) -> Self {
        let code = match error {
            SdkError::ServiceError(service) => service.err().code().unwrap_or("unknown service error").to_owned(),
            SdkError::TimeoutError(_) => "timeout".to_owned(),
            SdkError::DispatchFailure(_) => "not reached".to_owned(),
            SdkError::ResponseError(_) => "unreadable response".to_owned(),
            SdkError::ConstructionFailure(_) => "malformed request".to_owned(),
            _ => "unknown".to_owned(),
        };
        Self::Failed { operation, table, code }
    }
}

/// A conditional write that did not happen.
#[derive(Debug)]
pub(crate) enum Refused<T> {
    /// The condition did not hold.
    Condition(T),
    /// Something else.
    Store(StoreError),
}

impl<T> From<StoreError> for Refused<T> {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}
