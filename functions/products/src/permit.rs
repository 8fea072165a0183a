//! `POST /api/products/uploads`: the permission to upload a large image to the bucket.

use axum::extract::State;
use descrow_domain::image::IMAGE_LIMIT;
use descrow_platform::bucket::Upload;
use descrow_web::{
    ApiError, Body, Fields, Input, Reply, Request, Seller,
    uploads::{PermittedUpload, UploadId},
};
use serde::Deserialize;
use utoipa::ToSchema;

use crate::Products;

/// An image that is to be uploaded.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct UploadPromise {
    /// `image/jpeg`, `image/png` or `image/webp`.
    #[schema(value_type = String, pattern = "^image/(jpeg|png|webp)$", example = "image/jpeg")]
    content_type: Input<String>,
    /// Its bytes, at most 20 MiB.
    #[schema(value_type = u64, minimum = 1, maximum = 20_971_520, example = 5_242_880)]
    size: Input<u64>,
    /// SHA-256 of its bytes in hex.
    #[schema(value_type = String, pattern = "^[0-9a-f]{64}$",
        example = "b94d27b9934d3e08a52e52d7da7dabfac484efe37a5380ee9088f7ace2efcde9")]
    sha256: Input<String>,
}

impl Request for UploadPromise {
    type Valid = Upload;

    fn validate(self, fields: &mut Fields) -> Option<Upload> {
        let content_type = fields.required_with("contentType", self.content_type, |text| {
            let known = ["image/jpeg", "image/png", "image/webp"].contains(&text);
            if known { Ok(text.to_owned()) } else { Err("must be image/jpeg, image/png or image/webp") }
        });
        let size = fields.number("size", self.size, 1..=IMAGE_LIMIT as u64, None);
        let sha256 = fields.required::<UploadId>("sha256", self.sha256);
        Some(Upload { content_type: content_type?, size: size?, sha256: sha256?.0 })
    }
}

/// Permits the upload of a large image.
///
/// `PUT` the bytes to the URL within 15 minutes, with the headers given; then name the id at `POST /api/products/upload`. The
/// bucket refuses everything but the promised bytes, and deletes them after a day.
#[utoipa::path(post, path = "/api/products/uploads", tag = "products", security(("token" = [])),
    request_body = UploadPromise,
    responses((status = 201, description = "Permitted", body = PermittedUpload)))]
pub(crate) async fn permit(
    State(app): State<Products>,
    seller: Seller,
    Body(promise): Body<UploadPromise>,
) -> Result<Reply, ApiError> {
    let (seller, ()) = app.edge.live(seller, std::future::ready(Ok::<_, ApiError>(()))).await?;
    UploadId::permit(&app.bucket, seller.account(), &promise).await
}
