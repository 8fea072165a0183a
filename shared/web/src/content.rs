//! What a failure of the content store is to a client: the store's, never shown.

use descrow_ipfs::PinError;

use crate::{ApiError, Code};

/// When to ask again, in seconds: what may have been lost on the way was sent twice already.
const ASK_AGAIN: u64 = 5;

impl From<PinError> for ApiError {
    fn from(error: PinError) -> Self {
        let later = error.is_transient();
        let error = Self::caused(Code::ContentService, error);
        if later { error.retry_after(ASK_AGAIN) } else { error }
    }
}
