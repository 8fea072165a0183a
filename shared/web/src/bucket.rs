//! The bucket as clients meet it: what to send with an upload, and what a failure is to them, which is always ours and never shown.

use descrow_platform::bucket::BucketError;
use serde::Serialize;
use utoipa::ToSchema;

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

/// Headers of an upload by `PUT`, beside the `Content-Length` that HTTP clients send by themselves.
#[derive(Serialize, ToSchema)]
pub struct UploadHeaders {
    /// The promised media type.
    #[serde(rename = "content-type")]
    #[schema(example = "image/jpeg")]
    content_type: String,
    /// The promised hash, in Base64.
    #[serde(rename = "x-amz-checksum-sha256")]
    #[schema(example = "LCa0a2j/xo/5m0U8HTBBNBNCLXBkg7+g+YpeiGJm564=")]
    checksum: String,
}

impl From<[(&'static str, String); 2]> for UploadHeaders {
    fn from([(_, content_type), (_, checksum)]: [(&'static str, String); 2]) -> Self {
        Self { content_type, checksum }
    }
}
