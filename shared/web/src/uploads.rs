//! Files too large for a request: uploaded to the bucket by a presigned URL, and named in the request by their ids.
//!
//! Nothing is stored to permit an upload: the URL's signature holds S3 to what was promised, and the upload's id is the
//! promised hash, so that whoever reads the object later knows what it must be. Asking twice gives two URLs of one object.
//! An account reaches its own uploads only.

use std::{fmt, str::FromStr, time::SystemTime};

use descrow_domain::{Account, Timestamp};
use descrow_platform::{
    Deadline,
    bucket::{Bucket, BucketError, InvalidKey, ObjectKey, Upload},
};
use serde::Serialize;
use sha2::{Digest, Sha256};
use utoipa::ToSchema;

use crate::{ApiError, Reply, UploadHeaders};

/// Where to upload it.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PermittedUpload {
    /// What the route that takes it is told once it is there.
    #[schema(value_type = UploadId)]
    upload_id: String,
    /// Where to `PUT` the bytes, without an access token.
    #[schema(
        format = "uri",
        example = "https://bucket.s3.af-south-1.amazonaws.com/uploads/5Grw/b94d?X-Amz-Expires=900&X-Amz-Signature=4f3c"
    )]
    url: String,
    /// Headers that the `PUT` must have.
    headers: UploadHeaders,
    /// Until when it may be begun (RFC 3339).
    #[schema(format = DateTime)]
    expires_at: String,
}

/// The id of an upload: SHA-256 of its bytes in lower-case hex.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ToSchema)]
#[schema(value_type = String, pattern = "^[0-9a-f]{64}$",
    example = "b94d27b9934d3e08a52e52d7da7dabfac484efe37a5380ee9088f7ace2efcde9")]
pub struct UploadId(pub [u8; 32]);

/// The text is not the id of an upload.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be 64 lower-case hexadecimal digits")]
pub struct InvalidUploadId;

impl FromStr for UploadId {
    type Err = InvalidUploadId;

    fn from_str(text: &str) -> Result<Self, InvalidUploadId> {
        let mut hash = [0; 32];
        hex::decode_to_slice(text, &mut hash).map_err(|_| InvalidUploadId)?;
        let id = Self(hash);
        // Upper case would be a second id of the same object.
        if id.to_string() == text { Ok(id) } else { Err(InvalidUploadId) }
    }
}

impl fmt::Display for UploadId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

/// Why an upload cannot be used.
#[derive(Debug)]
pub enum Unusable {
    /// It is the client's to mend; says how.
    Refused(String),
    /// The bucket failed.
    Failed(ApiError),
}

impl Unusable {
    /// The error where the upload was named in `field`.
    pub fn at(self, field: &str) -> ApiError {
        match self {
            Self::Refused(message) => ApiError::field(field, message),
            Self::Failed(error) => error,
        }
    }
}

impl UploadId {
    fn key(self, account: Account) -> Result<ObjectKey, InvalidKey> {
        format!("uploads/{account}/{self}").parse()
    }

    /// Permits `account` to upload what was promised: 201.
    ///
    /// # Errors
    /// What the bucket's failure is to a client.
    pub async fn permit(bucket: &Bucket, account: Account, promise: &Upload) -> Result<Reply, ApiError> {
        let id = Self(promise.sha256);
        let key = id.key(account).map_err(ApiError::internal)?;
        let permitted = bucket.presign_put(&key, promise, SystemTime::now()).await?;
        let until = permitted.expires_at.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let answer = PermittedUpload {
            upload_id: id.to_string(),
            url: permitted.url.clone(),
            headers: permitted.headers.into(),
            expires_at: Timestamp(i64::try_from(until.as_millis()).unwrap_or(i64::MAX)).rfc3339(),
        };
        Reply::created(permitted.url, &answer)
    }

    /// The bytes that `account` uploaded, at most `limit`, exactly as promised.
    ///
    /// # Errors
    /// [`Unusable`]
    pub async fn fetch(
        self,
        bucket: &Bucket,
        account: Account,
        limit: usize,
        deadline: Deadline,
    ) -> Result<Vec<u8>, Unusable> {
        let refused = |message: &str| Unusable::Refused(message.to_owned());
        let key = self.key(account).map_err(|error| Unusable::Failed(ApiError::internal(error)))?;
        let bytes = match bucket.get(&key, limit, deadline).await {
            Ok(Some(bytes)) => bytes,
            Ok(None) => return Err(refused("is not there: upload it first, or again")),
            Err(BucketError::TooLarge { .. }) => {
                return Err(Unusable::Refused(format!("has more than {limit} bytes")));
            }
            Err(error) => return Err(Unusable::Failed(error.into())),
        };
        if Sha256::digest(&bytes).as_slice() == self.0 { Ok(bytes) } else { Err(refused("is not what was promised")) }
    }

    /// Removes what was used. The bucket removes by itself what is left.
    pub async fn discard(self, bucket: &Bucket, account: Account, deadline: Deadline) {
        let Ok(key) = self.key(account) else { return };
        if let Err(error) = bucket.delete(&key, deadline).await {
            tracing::warn!(%error, "upload.left_in_bucket");
        }
    }
}
