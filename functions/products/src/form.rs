//! Images in a form: `multipart/form-data` with the field `image`, once for each.

use axum::body::{Body, Bytes};
use descrow_domain::image::{self, Image};
use descrow_web::{ApiError, Code, FieldProblem};
use http::{HeaderMap, header};
use http_body_util::{BodyExt, Limited};
use multer::Multipart;
use utoipa::ToSchema;

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

/// The form's images, cleaned.
pub(crate) async fn images(headers: &HeaderMap, body: Body) -> Result<Vec<Image>, ApiError> {
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

pub(crate) fn problem(field: &str, message: &(impl ToString + ?Sized)) -> FieldProblem {
    FieldProblem { field: field.to_owned(), message: message.to_string() }
}

fn malformed() -> ApiError {
    ApiError::validation(vec![problem("body", "is not a complete multipart form")])
}

fn too_large() -> ApiError {
    ApiError::new(Code::BodyTooLarge, "The images of a form have at most 4194304 bytes together.")
}
