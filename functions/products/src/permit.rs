//! `POST /api/products/uploads`: the permission to upload a large image to the bucket.
//!
//! Nothing is stored: the URL's signature holds S3 to what was promised, and the upload's id is the promised hash, so that
//! whoever reads the object later knows what it must be. Asking twice gives two URLs of one object.

use std::time::SystemTime;

use axum::extract::State;
use descrow_domain::{Account, Timestamp};
use descrow_platform::bucket::{BucketError, InvalidKey, ObjectKey, Upload};
use descrow_web::{ApiError, Body, Code, Fields, Input, Reply, Request, Seller};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::Products;

/// The most bytes of one image.
pub const LARGE_LIMIT: usize = 20 * 1024 * 1024;

/// An image that is to be uploaded.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct UploadPromise {
    /// `image/jpeg`, `image/png` or `image/webp`.
    #[schema(value_type = String, example = "image/jpeg")]
    content_type: Input<String>,
    /// Its bytes, at most 20 MiB.
    #[schema(value_type = u64, minimum = 1, maximum = 20_971_520, example = 5_242_880)]
    size: Input<u64>,
    /// SHA-256 of its bytes in hex.
    #[schema(value_type = String, pattern = "^[0-9a-f]{64}$",
        example = "b94d27b9934d3e08a52e52d7da7dabfac484efe37a5380ee9088f7ace2efcde9")]
    sha256: Input<String>,
}

/// Where to upload it.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PermittedUpload {
    /// What `POST /api/products/upload` takes once it is there.
    upload_id: String,
    /// Where to `PUT` the bytes.
    url: String,
    /// Headers that the `PUT` must have, beside `Content-Length`.
    #[schema(value_type = std::collections::BTreeMap<String, String>)]
    headers: std::collections::BTreeMap<&'static str, String>,
    /// Until when it may be begun (RFC 3339).
    #[schema(format = DateTime)]
    expires_at: String,
}

/// The hash that an upload's id is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct UploadId(pub(crate) [u8; 32]);

/// The text is not the id of an upload.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be 64 lower-case hexadecimal digits")]
pub struct InvalidUploadId;

impl std::str::FromStr for UploadId {
    type Err = InvalidUploadId;

    fn from_str(text: &str) -> Result<Self, InvalidUploadId> {
        let mut hash = [0; 32];
        hex::decode_to_slice(text, &mut hash).map_err(|_| InvalidUploadId)?;
        // Upper case would be a second id of the same object.
        if hex::encode(hash) == text { Ok(Self(hash)) } else { Err(InvalidUploadId) }
    }
}

impl UploadId {
    /// Where the upload of `account` is.
    pub(crate) fn key(self, account: Account) -> Result<ObjectKey, InvalidKey> {
        format!("uploads/{account}/{}", hex::encode(self.0)).parse()
    }
}

impl Request for UploadPromise {
    type Valid = Upload;

    fn validate(self, fields: &mut Fields) -> Option<Upload> {
        let content_type = fields.required_with("contentType", self.content_type, |text| {
            let known = ["image/jpeg", "image/png", "image/webp"].contains(&text);
            if known { Ok(text.to_owned()) } else { Err("must be image/jpeg, image/png or image/webp") }
        });
        let size = fields.number("size", self.size, 1..=LARGE_LIMIT as u64, None);
        let sha256 = fields.required::<UploadId>("sha256", self.sha256);
        Some(Upload { content_type: content_type?, size: size?, sha256: sha256?.0 })
    }
}

/// Permits the upload of a large image.
///
/// `PUT` the bytes to the URL within 15 minutes, with the headers given; then name the id at `POST /api/products/upload`. The
/// bucket refuses everything but the promised bytes. What is not named within a day is deleted.
#[utoipa::path(post, path = "/api/products/uploads", tag = "products", security(("token" = [])),
    request_body = UploadPromise,
    responses((status = 201, description = "Permitted", body = PermittedUpload)))]
pub(crate) async fn permit(
    State(app): State<Products>,
    seller: Seller,
    Body(promise): Body<UploadPromise>,
) -> Result<Reply, ApiError> {
    let id = UploadId(promise.sha256);
    let (seller, ()) = app.edge.live(seller, std::future::ready(Ok::<_, ApiError>(()))).await?;
    let key = id.key(seller.account()).map_err(ApiError::internal)?;
    let permitted = app.bucket.presign_put(&key, &promise, SystemTime::now()).await.map_err(bucket_error)?;
    let until = permitted.expires_at.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let answer = PermittedUpload {
        upload_id: hex::encode(id.0),
        url: permitted.url.clone(),
        headers: permitted.headers.into_iter().collect(),
        expires_at: Timestamp(i64::try_from(until.as_millis()).unwrap_or(i64::MAX)).rfc3339(),
    };
    Reply::created(permitted.url, &answer)
}

/// The bucket's failure as clients see it.
pub(crate) fn bucket_error(error: BucketError) -> ApiError {
    if error.is_temporary() {
        ApiError::caused(Code::Unavailable, error).retry_after(5)
    } else {
        ApiError::internal(error)
    }
}
