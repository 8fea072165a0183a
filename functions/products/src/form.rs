//! Images in a form: `multipart/form-data` with the field `image`, once for each.

use axum::body::Body;
use descrow_domain::image::{self, Image};
use descrow_web::{ApiError, FieldProblem, form};
use http::HeaderMap;
use utoipa::ToSchema;

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
    let parts = form::parts(headers, body, MAX_IMAGES).await?;
    if let Some(unknown) = parts.iter().find(|part| part.name != FIELD) {
        return Err(ApiError::field(&unknown.name, "is not a known field; send `image`"));
    }
    if parts.len() > MAX_IMAGES {
        return Err(ApiError::field(FIELD, "is given more than 10 times"));
    }
    if parts.is_empty() {
        return Err(ApiError::field(FIELD, "is required"));
    }
    let (mut images, mut problems) = (Vec::new(), Vec::new());
    for (n, part) in parts.iter().enumerate() {
        match image::clean(&part.bytes) {
            Ok(image) => images.push(image),
            Err(error) => problems.push(problem(&format!("{FIELD}[{n}]"), &error)),
        }
    }
    if problems.is_empty() { Ok(images) } else { Err(ApiError::validation(problems)) }
}

pub(crate) fn problem(field: &str, message: &(impl ToString + ?Sized)) -> FieldProblem {
    FieldProblem { field: field.to_owned(), message: message.to_string() }
}
