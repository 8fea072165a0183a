//! `POST /api/orders/{id}/evidence/uploads`: the permission to upload a large file to the bucket.

use axum::extract::State;
use descrow_domain::{
    OrderId, Timestamp,
    evidence::content::{CONTENT_LIMIT, Format, IMAGE_LIMIT},
    order::{Order, OrderStatus},
};
use descrow_platform::bucket::Upload;
use descrow_web::{
    ApiError, Authenticated, Body, Fields, Id, Input, Reply, Request,
    uploads::{PermittedUpload, UploadId},
};
use serde::Deserialize;
use utoipa::ToSchema;

use crate::{
    Orders,
    evidence::closed,
    footing::{Footing, party, seen},
};

/// A file that is to be uploaded.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct EvidencePromise {
    /// Its media type.
    #[schema(value_type = String, example = "video/mp4",
        pattern = "^(image/jpeg|image/png|image/webp|application/pdf|video/mp4|video/webm|text/plain)$")]
    content_type: Input<String>,
    /// Its bytes: at most 20 MiB of an image, 50 MiB of everything else.
    #[schema(value_type = u64, minimum = 1, maximum = 52_428_800, example = 31_457_280)]
    size: Input<u64>,
    /// SHA-256 of its bytes in hex.
    #[schema(value_type = String, pattern = "^[0-9a-f]{64}$",
        example = "b94d27b9934d3e08a52e52d7da7dabfac484efe37a5380ee9088f7ace2efcde9")]
    sha256: Input<String>,
}

impl Request for EvidencePromise {
    type Valid = Upload;

    fn validate(self, fields: &mut Fields) -> Option<Upload> {
        let content_type = fields.required_with("contentType", self.content_type, |text| {
            let known = Format::NAMES.contains(&text);
            if known { Ok(text.to_owned()) } else { Err(format!("must be one of {}", Format::NAMES.join(", "))) }
        });
        let image = content_type.as_ref().is_some_and(|name| name.starts_with("image/"));
        let limit = if image { IMAGE_LIMIT } else { CONTENT_LIMIT };
        let size = fields.number("size", self.size, 1..=limit as u64, None);
        let sha256 = fields.required::<UploadId>("sha256", self.sha256);
        Some(Upload { content_type: content_type?, size: size?, sha256: sha256?.0 })
    }
}

/// Permits the upload of a large file, as evidence or as the paper of a shipment.
///
/// `PUT` the bytes to the URL within 15 minutes, with the headers given; then name the id at `POST /api/orders/{id}/evidence`,
/// `/dispute` or `/ship`. The bucket refuses everything but the promised bytes. What is not named within a day is deleted.
#[utoipa::path(post, path = "/api/orders/{id}/evidence/uploads", tag = "orders", operation_id = "permitEvidenceUpload",
    security(("token" = [])),
    params(("id" = String, Path, format = "uuid", description = "The order's id.")), request_body = EvidencePromise,
    responses((status = 201, description = "Permitted", body = PermittedUpload),
        (status = 403, description = "`wrong_role`: an admin asks"),
        (status = 409, description = "`evidence_closed`: the order has no use for a file now")))]
pub(crate) async fn permit(
    State(app): State<Orders>,
    who: Authenticated,
    Id(id): Id<OrderId>,
    Body(promise): Body<EvidencePromise>,
) -> Result<Reply, ApiError> {
    let (who, found) = app.edge.live(who, Footing::read(&app.store, id)).await?;
    let (found, viewer) = seen(found, &who.account(), who.role())?;
    party(&found.order, &who.account())?;
    if !is_of_use(&found.order, Timestamp::now()) {
        return Err(closed(&found, viewer));
    }
    UploadId::permit(&app.bucket, who.account(), &promise).await
}

/// Whether a file can be named in some request about the order: a shipment, a dispute, or evidence in it.
fn is_of_use(order: &Order, now: Timestamp) -> bool {
    matches!(order.status, OrderStatus::Funded | OrderStatus::Shipped | OrderStatus::Delivered)
        || order.takes_evidence(now)
}
