//! The request header `Idempotency-Key`.

use axum::{
    body::Bytes,
    extract::{FromRequestParts, OptionalFromRequestParts},
};
use http::{HeaderMap, Method, request::Parts};
use sha2::{Digest, Sha256};

use crate::ApiError;

/// The request header.
pub(crate) const HEADER: &str = "idempotency-key";
/// The header as clients write it.
const NAME: &str = "Idempotency-Key";
/// The longest key.
const KEY_BYTES: usize = 255;

/// The SHA-256 of what the request's body says, which the edge computes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct BodyDigest(pub(crate) [u8; 32]);

impl BodyDigest {
    /// A form is what its parts are; every other body is its bytes.
    #[cfg_attr(
        not(feature = "uploads"),
        allow(unused_variables, clippy::unused_async, reason = "no route takes forms")
    )]
    pub(crate) async fn of(headers: &HeaderMap, body: &Bytes) -> Self {
        #[cfg(feature = "uploads")]
        if let Some(digest) = crate::form::digest(headers, body.clone()).await {
            return Self(digest);
        }
        Self(Sha256::digest(body).into())
    }
}

/// The key of a request that must have one. `Option<IdempotencyKey>` where a client may leave it out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdempotencyKey {
    scope: String,
    fingerprint: String,
}

impl IdempotencyKey {
    /// Method, path and key: the same key on another route is another key.
    pub(crate) fn scope(&self) -> &str {
        &self.scope
    }

    /// The hash of what the body says: the same key with another body is a mistake of the client's.
    pub(crate) fn fingerprint(&self) -> &str {
        &self.fingerprint
    }

    pub(crate) fn of(method: &Method, path: &str, key: &[u8], digest: [u8; 32]) -> Self {
        let mut scope = Sha256::new();
        for part in [method.as_str().as_bytes(), b" ", path.as_bytes(), b"\0", key] {
            scope.update(part);
        }
        Self { scope: hex::encode(scope.finalize()), fingerprint: hex::encode(digest) }
    }

    fn read(parts: &Parts) -> Result<Option<Self>, ApiError> {
        let mut given = parts.headers.get_all(HEADER).iter();
        let Some(key) = given.next() else { return Ok(None) };
        if given.next().is_some() {
            return Err(refuse("must be given once"));
        }
        let key = key.as_bytes();
        if key.is_empty() || key.len() > KEY_BYTES || !key.iter().all(u8::is_ascii_graphic) {
            return Err(refuse("must have 1 to 255 visible ASCII characters"));
        }
        let digest = parts.extensions.get::<BodyDigest>().map_or([0; 32], |d| d.0);
        Ok(Some(Self::of(&parts.method, parts.uri.path(), key, digest)))
    }
}

fn refuse(message: &str) -> ApiError {
    ApiError::field(NAME, message)
}

impl<S: Send + Sync> FromRequestParts<S> for IdempotencyKey {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, ApiError> {
        Self::read(parts)?.ok_or_else(|| refuse("is required"))
    }
}

impl<S: Send + Sync> OptionalFromRequestParts<S> for IdempotencyKey {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Option<Self>, ApiError> {
        Self::read(parts)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(keys: &[&str]) -> Result<Option<IdempotencyKey>, ApiError> {
        let mut request = http::Request::post("/api/orders");
        for key in keys {
            request = request.header(NAME, *key);
        }
        let (mut parts, ()) = request.body(()).unwrap().into_parts();
        parts.extensions.insert(BodyDigest([7; 32]));
        IdempotencyKey::read(&parts)
    }

    #[test]
    fn a_key_is_one_short_visible_text() {
        let expected = IdempotencyKey::of(&Method::POST, "/api/orders", b"k-1", [7; 32]);
        assert_eq!(read(&["k-1"]).unwrap(), Some(expected));
        assert_eq!(read(&[]).unwrap(), None);
        for bad in [&[""][..], &["a b"], &["a", "b"], &[&"x".repeat(256)]] {
            assert_eq!(read(bad).unwrap_err().details()[0].field, NAME, "{bad:?}");
        }
    }

    #[test]
    fn the_same_key_on_another_route_is_another_key() {
        let scope = |method, path| IdempotencyKey::of(&method, path, b"k", [0; 32]).scope().to_owned();
        assert_ne!(scope(Method::POST, "/api/orders"), scope(Method::POST, "/api/products"));
        assert_ne!(scope(Method::POST, "/api/orders"), scope(Method::PUT, "/api/orders"));
    }
}
