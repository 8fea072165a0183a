//! What a failure of the database, or of what should be in it, is to a client: always ours, never shown.

use descrow_domain::{Timestamp, rates::NotQuotable};
use descrow_store::StoreError;

use crate::{ApiError, Code};

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Failed { .. } | StoreError::Contention(_) => {
                Self::caused(Code::Unavailable, error).retry_after(1)
            }
            StoreError::Unreadable { .. } | StoreError::Unwritable { .. } | StoreError::NotConfigured(_) => {
                Self::internal(error)
            }
        }
    }
}

impl From<NotQuotable> for ApiError {
    fn from(why: NotQuotable) -> Self {
        Self::caused(Code::RatesUnavailable, why).retry_after(why.retry_after(Timestamp::now()))
    }
}
