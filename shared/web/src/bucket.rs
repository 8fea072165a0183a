//! What a failure of the bucket is to a client: always ours, never shown.

use descrow_platform::bucket::BucketError;

use crate::{ApiError, Code};

/// When to ask again, in seconds: the bucket's client tried three times before it gave up.
const ASK_AGAIN: u64 = 5;

impl From<BucketError> for ApiError {
    fn from(error: BucketError) -> Self {
        if error.is_temporary() {
            Self::caused(Code::Unavailable, error).retry_after(ASK_AGAIN)
        } else {
            Self::internal(error)
        }
    }
}
