//! Successful answers.

use axum::response::{IntoResponse, Response};
use http::{HeaderName, HeaderValue, StatusCode, header};
use serde::Serialize;

use crate::ApiError;

/// An answer that can be kept and given again, byte for byte.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) location: Option<String>,
    pub(crate) body: String,
    pub(crate) headers: Vec<(HeaderName, HeaderValue)>,
}

impl Reply {
    /// 200.
    ///
    /// # Errors
    /// An internal error if the body has no JSON form.
    pub fn ok<T: Serialize>(body: &T) -> Result<Self, ApiError> {
        Self::json(StatusCode::OK, None, body)
    }

    /// 201 with the new thing and where it is.
    ///
    /// # Errors
    /// An internal error if the body has no JSON form.
    pub fn created<T: Serialize>(location: String, body: &T) -> Result<Self, ApiError> {
        Self::json(StatusCode::CREATED, Some(location), body)
    }

    /// 202: it was begun, and the thing shows how it goes on.
    ///
    /// # Errors
    /// An internal error if the body has no JSON form.
    pub fn accepted<T: Serialize>(body: &T) -> Result<Self, ApiError> {
        Self::json(StatusCode::ACCEPTED, None, body)
    }

    /// 200 with a text that is JSON already.
    pub fn json_text(body: &str) -> Self {
        Self { status: StatusCode::OK, location: None, body: body.to_owned(), headers: Vec::new() }
    }

    /// The same with another status.
    #[must_use]
    pub fn with_status(mut self, status: StatusCode) -> Self {
        self.status = status;
        self
    }

    /// 204.
    pub fn no_content() -> Self {
        Self { status: StatusCode::NO_CONTENT, location: None, body: String::new(), headers: Vec::new() }
    }

    /// The same with one more header. A repeated answer (`Idempotency-Replayed`) does not have it.
    #[must_use]
    pub fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.push((name, value));
        self
    }

    fn json<T: Serialize>(status: StatusCode, location: Option<String>, body: &T) -> Result<Self, ApiError> {
        let body = serde_json::to_string(body).map_err(ApiError::internal)?;
        Ok(Self { status, location, body, headers: Vec::new() })
    }
}

impl IntoResponse for Reply {
    fn into_response(self) -> Response {
        let has_body = !self.body.is_empty();
        let mut response = (self.status, self.body).into_response();
        let headers = response.headers_mut();
        if has_body {
            headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        } else {
            headers.remove(header::CONTENT_TYPE);
        }
        if let Some(location) = self.location.and_then(|l| HeaderValue::from_str(&l).ok()) {
            headers.insert(header::LOCATION, location);
        }
        headers.extend(self.headers);
        response
    }
}
