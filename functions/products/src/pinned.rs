//! Images that are on IPFS, and how they come there.

use descrow_domain::image::Image;
use descrow_ipfs::{ContentId, File, pin_once};
use descrow_platform::Deadline;
use descrow_web::{ApiError, Reply};
use serde::Serialize;
use utoipa::ToSchema;

use crate::Products;

/// What was uploaded.
#[derive(Debug, Serialize, ToSchema)]
pub struct Uploaded {
    /// The images in the order of the request.
    images: Vec<UploadedImage>,
}

/// An image on IPFS.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct UploadedImage {
    /// Its `CIDv1`.
    cid: String,
    /// Where a browser finds it.
    url: String,
    /// Its bytes, after metadata was taken out.
    size: usize,
    /// Its media type, as its bytes say.
    content_type: &'static str,
}

/// Pins an image, unless the content store has it.
pub(crate) async fn pin(app: &Products, image: &Image, deadline: Deadline) -> Result<UploadedImage, ApiError> {
    let name = format!("{}.{}", ContentId::of(image.bytes()), image.format().extension());
    let file = File { name: &name, media_type: image.format().content_type(), bytes: image.bytes() };
    let cid = pin_once(app.pins.as_ref(), file, deadline).await?;
    Ok(UploadedImage {
        cid: cid.to_string(),
        url: app.gateways.public_url(cid).unwrap_or_default(),
        size: image.bytes().len(),
        content_type: image.format().content_type(),
    })
}

/// 201 with all images; `Location` is the first one.
pub(crate) fn reply(images: Vec<UploadedImage>) -> Result<Reply, ApiError> {
    let location = images.first().map(|image| image.url.clone()).unwrap_or_default();
    Reply::created(location, &Uploaded { images })
}
