//! Bodies in `multipart/form-data`: small files, as many as a Lambda event holds.

use axum::body::{Body, Bytes};
use http::{HeaderMap, header};
use http_body_util::{BodyExt, Limited};
use multer::Multipart;

use crate::{ApiError, Code, FieldProblem};

/// The most bytes that the parts of a form may have together: a Lambda event takes 6 MB, of which base64 takes a third.
pub const FORM_LIMIT: usize = 4 * 1024 * 1024;
/// What a form may have besides: boundaries and part headers.
const FRAMING: usize = 64 * 1024;

/// One part of a form.
#[derive(Clone, Debug)]
pub struct Part {
    /// The field's name; empty where it has none.
    pub name: String,
    /// The content.
    pub bytes: Bytes,
}

/// The parts of a form in their order, not more than `most` and one.
///
/// # Errors
/// 415 where it is no form, 413 where its parts have more than [`FORM_LIMIT`] bytes, 400 where it is cut off.
pub async fn parts(headers: &HeaderMap, body: Body, most: usize) -> Result<Vec<Part>, ApiError> {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or_default();
    let boundary = multer::parse_boundary(kind)
        .map_err(|_| ApiError::new(Code::UnsupportedMediaType, "Send multipart/form-data with a boundary."))?;
    let bytes = Limited::new(body, FORM_LIMIT + FRAMING).collect().await.map_err(|_| too_large())?.to_bytes();
    let whole = futures_util::stream::once(std::future::ready(Ok::<_, std::convert::Infallible>(bytes)));
    let mut form = Multipart::new(whole, boundary);
    let mut parts = Vec::new();
    while let Some(field) = form.next_field().await.map_err(|_| malformed())? {
        let name = field.name().unwrap_or_default().to_owned();
        parts.push(Part { name, bytes: field.bytes().await.map_err(|_| malformed())? });
        if parts.len() > most {
            break;
        }
    }
    if parts.iter().map(|part| part.bytes.len()).sum::<usize>() > FORM_LIMIT {
        return Err(too_large());
    }
    Ok(parts)
}

fn malformed() -> ApiError {
    let message = "is not a complete multipart form".to_owned();
    ApiError::validation(vec![FieldProblem { field: "body".to_owned(), message }])
}

fn too_large() -> ApiError {
    ApiError::new(Code::BodyTooLarge, "The parts of a form have at most 4194304 bytes together.")
}
