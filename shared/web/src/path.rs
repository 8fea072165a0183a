//! Path parameters.

use std::{collections::HashMap, str::FromStr};

use axum::extract::{FromRequestParts, RawPathParams};
use http::request::Parts;

use crate::ApiError;

/// The path parameter `id`. What cannot be an id names nothing: 404.
#[derive(Clone, Copy, Debug)]
pub struct Id<T>(pub T);

impl<T: FromStr, S: Send + Sync> FromRequestParts<S> for Id<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let params = RawPathParams::from_request_parts(parts, state).await.map_err(|_| ApiError::not_found())?;
        let params: HashMap<&str, &str> = params.iter().collect();
        let id = params.get("id").and_then(|id| id.parse().ok());
        id.map(Self).ok_or_else(ApiError::not_found)
    }
}
