//! Images that were uploaded to the bucket.

use std::ops::RangeInclusive;

use descrow_domain::{Account, image};
use descrow_platform::{Deadline, bucket::BucketError};
use descrow_web::{ApiError, Fields, Input, Request};
use serde::Deserialize;
use sha2::{Digest, Sha256};
use utoipa::ToSchema;

use crate::{
    LARGE_LIMIT, Products, UploadedImage,
    form::problem,
    permit::{UploadId, bucket_error},
    pinned,
};

/// Images of one request: what fits into the time of an answer.
const IMAGES: RangeInclusive<usize> = 1..=4;

/// Images that wait in the bucket.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct StoredUploads {
    /// Ids of uploads of your own, up to four.
    #[schema(value_type = Vec<String>, min_items = 1, max_items = 4,
        example = json!(["b94d27b9934d3e08a52e52d7da7dabfac484efe37a5380ee9088f7ace2efcde9"]))]
    uploads: Input<Vec<String>>,
}

impl Request for StoredUploads {
    type Valid = Vec<UploadId>;

    fn validate(self, fields: &mut Fields) -> Option<Vec<UploadId>> {
        fields.list("uploads", self.uploads, IMAGES, str::parse)
    }
}

/// Fetches one upload, holds it to its promise, pins it and removes it from the bucket.
pub(crate) async fn pin(
    app: &Products,
    seller: Account,
    n: usize,
    id: UploadId,
    deadline: Deadline,
) -> Result<UploadedImage, ApiError> {
    let refused = |message: &str| ApiError::validation(vec![problem(&format!("uploads[{n}]"), message)]);
    let key = id.key(seller).map_err(ApiError::internal)?;
    let bytes = match app.bucket.get(&key, LARGE_LIMIT, deadline).await {
        Ok(Some(bytes)) => bytes,
        Ok(None) => return Err(refused("is not there: upload it first, and name it once")),
        Err(BucketError::TooLarge { .. }) => return Err(refused("has more than 20971520 bytes")),
        Err(error) => return Err(bucket_error(error)),
    };
    if Sha256::digest(&bytes).as_slice() != id.0 {
        return Err(refused("is not what was promised"));
    }
    let image = image::clean(&bytes).map_err(|error| refused(&error.to_string()))?;
    drop(bytes);
    let uploaded = pinned::pin(app, &image, deadline).await?;
    // Its CID is known, so the answer does not depend on it; the bucket removes by itself what is left.
    if let Err(error) = app.bucket.delete(&key, deadline).await {
        tracing::warn!(%error, "upload.left_in_bucket");
    }
    Ok(uploaded)
}
