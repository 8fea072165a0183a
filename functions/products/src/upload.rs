//! `POST /api/products/upload`: images onto IPFS.
//!
//! The images of one form are cleaned, then pinned at the same time. Their CIDs follow from their bytes, so uploading again
//! is harmless and needs no `Idempotency-Key`: the same picture has the same CID, and within a form it is pinned once.

use std::collections::BTreeMap;

use axum::{
    body::{Body, Bytes},
    extract::{Request, State},
};
use descrow_domain::image::{self, Image};
use descrow_ipfs::{ContentId, File};
use descrow_platform::Deadline;
use descrow_web::{ApiError, Code, FieldProblem, Reply, RequestInfo, Seller};
use futures_util::future::try_join_all;
use http::{HeaderMap, header};
use http_body_util::{BodyExt, Limited};
use multer::Multipart;
use serde::Serialize;
use utoipa::ToSchema;

use crate::{Products, content::content_error};

/// The most bytes that images of one form may have together: a Lambda event takes 6 MB, of which base64 takes a third.
pub const UPLOAD_LIMIT: usize = 4 * 1024 * 1024;
/// What a form may have besides: boundaries and part headers.
const FRAMING: usize = 64 * 1024;
/// The most images of one form.
const MAX_IMAGES: usize = 10;
/// The form's only field; it may be given several times.
const FIELD: &str = "image";

/// A form of images.
#[derive(ToSchema)]
pub struct UploadForm {
    /// A JPEG, PNG or WebP image. The field may be given up to ten times; all images together have at most 4 MiB.
    #[schema(value_type = String, format = Binary, content_media_type = "application/octet-stream")]
    #[allow(dead_code, reason = "read from the form by name; the type is there for the document")]
    image: Vec<u8>,
}

/// What was uploaded.
#[derive(Debug, Serialize, ToSchema)]
pub struct Uploaded {
    /// The images in the order of the form.
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

/// Uploads images for a product.
///
/// JPEG, PNG and WebP, recognised by their bytes. Place, camera and other metadata are taken out before the image is
/// published; the picture itself is not touched.
#[utoipa::path(post, path = "/api/products/upload", tag = "products", security(("token" = [])),
    request_body(content = UploadForm, content_type = "multipart/form-data"),
    responses((status = 201, description = "Pinned", body = Uploaded), (status = 502, description = "`content_service_error`: the content store failed")))]
pub(crate) async fn upload(
    State(app): State<Products>,
    seller: Seller,
    info: RequestInfo,
    request: Request,
) -> Result<Reply, ApiError> {
    let (parts, body) = request.into_parts();
    let form = async { images(&parts.headers, body).await };
    let (_seller, images) = app.edge.live(seller, form).await?;
    let pinned = pin(&app, &images, info.deadline()).await?;
    let images: Result<Vec<_>, _> = images.iter().map(|image| describe(&app, image, &pinned)).collect();
    let images = images?;
    let location = images.first().map(|image| image.url.clone()).unwrap_or_default();
    Reply::created(location, &Uploaded { images })
}

/// Pins each distinct image once, all at the same time.
async fn pin(app: &Products, images: &[Image], deadline: Deadline) -> Result<BTreeMap<ContentId, ContentId>, ApiError> {
    let distinct: BTreeMap<ContentId, &Image> = images.iter().map(|i| (ContentId::of(i.bytes()), i)).collect();
    let pins = distinct.into_iter().map(|(cid, image)| async move {
        let name = format!("{cid}.{}", image.format().extension());
        let file = File { name: &name, media_type: image.format().content_type(), bytes: image.bytes() };
        app.pins.pin(file, deadline).await.map(|verified| (cid, verified))
    });
    try_join_all(pins).await.map(|pinned| pinned.into_iter().collect()).map_err(content_error)
}

fn describe(app: &Products, image: &Image, pinned: &BTreeMap<ContentId, ContentId>) -> Result<UploadedImage, ApiError> {
    let cid = pinned.get(&ContentId::of(image.bytes())).copied();
    let cid = cid.ok_or_else(|| ApiError::new(Code::Internal, "an image of the form was not pinned"))?;
    Ok(UploadedImage {
        cid: cid.to_string(),
        url: app.gateways.public_url(cid).unwrap_or_default(),
        size: image.bytes().len(),
        content_type: image.format().content_type(),
    })
}

/// The form's images, cleaned.
async fn images(headers: &HeaderMap, body: Body) -> Result<Vec<Image>, ApiError> {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or_default();
    let boundary = multer::parse_boundary(kind)
        .map_err(|_| ApiError::new(Code::UnsupportedMediaType, "Send multipart/form-data with a boundary."))?;
    let bytes = Limited::new(body, UPLOAD_LIMIT + FRAMING).collect().await.map_err(|_| too_large())?.to_bytes();
    let parts = parts(boundary, bytes).await?;
    if parts.iter().map(Bytes::len).sum::<usize>() > UPLOAD_LIMIT {
        return Err(too_large());
    }
    let (mut images, mut problems) = (Vec::new(), Vec::new());
    for (n, part) in parts.iter().enumerate() {
        match image::clean(part) {
            Ok(image) => images.push(image),
            Err(error) => problems.push(problem(&format!("{FIELD}[{n}]"), &error)),
        }
    }
    if problems.is_empty() { Ok(images) } else { Err(ApiError::validation(problems)) }
}

/// The bytes of each part of the form.
async fn parts(boundary: String, body: Bytes) -> Result<Vec<Bytes>, ApiError> {
    let whole = futures_util::stream::once(std::future::ready(Ok::<_, std::convert::Infallible>(body)));
    let mut form = Multipart::new(whole, boundary);
    let mut parts = Vec::new();
    while let Some(field) = form.next_field().await.map_err(|_| malformed())? {
        let name = field.name().unwrap_or_default().to_owned();
        if name != FIELD {
            return Err(ApiError::validation(vec![problem(&name, &"is not a known field; send `image`")]));
        }
        if parts.len() == MAX_IMAGES {
            return Err(ApiError::validation(vec![problem(FIELD, &"is given more than 10 times")]));
        }
        parts.push(field.bytes().await.map_err(|_| malformed())?);
    }
    if parts.is_empty() {
        return Err(ApiError::validation(vec![problem(FIELD, &"is required")]));
    }
    Ok(parts)
}

fn problem(field: &str, message: &(impl ToString + ?Sized)) -> FieldProblem {
    FieldProblem { field: field.to_owned(), message: message.to_string() }
}

fn malformed() -> ApiError {
    ApiError::validation(vec![problem("body", "is not a complete multipart form")])
}

fn too_large() -> ApiError {
    ApiError::new(Code::BodyTooLarge, "The images of a form have at most 4194304 bytes together.")
}
