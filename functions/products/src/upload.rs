//! `POST /api/products/upload`: images onto IPFS.
//!
//! Small ones come in a form, large ones by the ids of their presigned uploads. They are cleaned, then pinned. Their CIDs
//! follow from their bytes, so uploading again is harmless and needs no `Idempotency-Key`: the same picture has the same
//! CID, and is pinned once.

use std::collections::BTreeMap;

use axum::extract::{FromRequest, Request, State};
use descrow_domain::image::Image;
use descrow_ipfs::ContentId;
use descrow_platform::Deadline;
use descrow_web::{ApiError, Body, Live, Reply, RequestInfo, Seller};
use futures_util::future::try_join_all;
use http::header;

use crate::{Products, StoredUploads, UploadForm, Uploaded, UploadedImage, form, pinned, stored};

/// Uploads images for a product.
///
/// JPEG, PNG and WebP, recognised by their bytes. Place, camera and other metadata are taken out before the image is
/// published; the picture itself is not touched. Up to 4 MiB in a form; larger ones go to the URLs that
/// `POST /api/products/uploads` gives, and are then named here by their ids, which stay good for a day: the same request again
/// has the same answer. Where one image is refused, so is the request, and every such image is named.
#[utoipa::path(post, path = "/api/products/upload", tag = "products", security(("token" = [])),
    request_body(content((UploadForm = "multipart/form-data"), (StoredUploads = "application/json"))),
    responses((status = 201, description = "Pinned", body = Uploaded), (status = 502, description = "`content_service_error`: the content store failed")))]
pub(crate) async fn upload(
    State(app): State<Products>,
    seller: Seller,
    info: RequestInfo,
    request: Request,
) -> Result<Reply, ApiError> {
    let kind = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if kind.to_ascii_lowercase().starts_with("application/json") {
        return stored_images(app, seller, info.deadline(), request).await;
    }
    let (parts, body) = request.into_parts();
    let form = async { form::images(&parts.headers, body).await };
    let (_seller, images) = app.edge.live(seller, form).await?;
    pinned::reply(pin_form(&app, &images, info.deadline()).await?)
}

/// Pins each distinct image once, all at the same time: a form is small.
async fn pin_form(app: &Products, images: &[Image], deadline: Deadline) -> Result<Vec<UploadedImage>, ApiError> {
    let ids: Vec<ContentId> = images.iter().map(|image| ContentId::of(image.bytes())).collect();
    let distinct: BTreeMap<_, _> = ids.iter().zip(images).collect();
    let pins = distinct.into_iter().map(|(id, image)| async move {
        let uploaded = pinned::pin(app, image, deadline).await?;
        Ok::<_, ApiError>((*id, uploaded))
    });
    let pinned: BTreeMap<_, _> = try_join_all(pins).await?.into_iter().collect();
    Ok(ids.iter().filter_map(|id| pinned.get(id).cloned()).collect())
}

/// Pins what waits in the bucket.
async fn stored_images(app: Products, seller: Seller, deadline: Deadline, request: Request) -> Result<Reply, ApiError> {
    let uploads = async { Body::<StoredUploads>::from_request(request, &()).await.map(|Body(ids)| ids) };
    let (seller, ids): (Live<Seller>, _) = app.edge.live(seller, uploads).await?;
    pinned::reply(stored::pin_all(&app, seller.account(), &ids, deadline).await?)
}
