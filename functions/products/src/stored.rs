//! Images that were uploaded to the bucket.

use std::ops::RangeInclusive;

use descrow_domain::{Account, image};
use descrow_platform::Deadline;
use descrow_web::{ApiError, Fields, Input, Request, uploads::UploadId};
use serde::Deserialize;
use utoipa::ToSchema;

use crate::{LARGE_LIMIT, Products, UploadedImage, form::problem, pinned};

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
    let field = format!("uploads[{n}]");
    let bytes = id.fetch(&app.bucket, seller, LARGE_LIMIT, deadline).await.map_err(|unusable| unusable.at(&field))?;
    let image = image::clean(&bytes).map_err(|error| ApiError::validation(vec![problem(&field, &error)]))?;
    drop(bytes);
    let uploaded = pinned::pin(app, &image, deadline).await?;
    // Its CID is known, so the answer does not depend on it.
    id.discard(&app.bucket, seller, deadline).await;
    Ok(uploaded)
}
