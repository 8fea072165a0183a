//! `Idempotency-Key`: the same request twice is done once and answered twice, byte for byte, for 24 hours.

use axum::extract::{FromRequestParts, OptionalFromRequestParts};
use descrow_domain::Account;
use http::{HeaderName, HeaderValue, Method, StatusCode, request::Parts};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::{ApiError, Code, Reply, error::FieldProblem};

/// The request header.
pub const HEADER: &str = "idempotency-key";
/// Says that an answer was given before.
pub(crate) const REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");
/// How long an answer is kept, in seconds.
pub const KEPT_FOR: i64 = 24 * 3600;
/// How long an unfinished request keeps its key, in seconds: more than any invocation lives.
pub const CLAIMED_FOR: i64 = 60;
/// When to ask again for a request in progress, in seconds.
const ASK_AGAIN: u64 = 2;
/// The longest key.
const KEY_BYTES: usize = 255;

/// What became of claiming a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Claim {
    /// It is ours: the request is new.
    Fresh,
    /// Another request with this fingerprint holds it and is not finished.
    InProgress {
        /// The fingerprint of that request.
        fingerprint: String,
    },
    /// A request with this fingerprint was answered.
    Answered {
        /// The fingerprint of that request.
        fingerprint: String,
        /// Its answer.
        answer: Kept,
    },
}

/// An answer that is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kept {
    /// The HTTP status.
    pub status: u16,
    /// The `Location` header.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub location: Option<String>,
    /// The body.
    pub body: String,
}

impl From<&Reply> for Kept {
    fn from(reply: &Reply) -> Self {
        Self { status: reply.status.as_u16(), location: reply.location.clone(), body: reply.body.clone() }
    }
}

impl Kept {
    fn replay(self) -> Reply {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::OK);
        Reply {
            status,
            location: self.location,
            body: self.body,
            headers: vec![(REPLAYED, HeaderValue::from_static("true"))],
        }
    }
}

/// The SHA-256 of the request's body, which the edge computes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct BodyDigest(pub(crate) [u8; 32]);

/// The key of a request that must have one. `Option<IdempotencyKey>` where a client may leave it out.
#[derive(Clone, Debug)]
pub struct IdempotencyKey {
    /// Method, path and key: the same key on another route is another key.
    scope: [u8; 32],
    /// The body: the same key with another body is a mistake of the client's.
    fingerprint: String,
}

impl IdempotencyKey {
    /// An id that this request of `account` has each time it is sent. What is created under it by a conditional put
    /// is created once, even where an earlier attempt died after its write and before its answer was kept.
    pub fn derive<Id: From<Uuid>>(&self, account: Account) -> Id {
        Id::from(Uuid::new_v5(&Uuid::NAMESPACE_URL, self.row(account).as_bytes()))
    }

    pub(crate) fn row(&self, account: Account) -> String {
        format!("idem#{account}#{}", hex::encode(self.scope))
    }

    pub(crate) fn fingerprint(&self) -> &str {
        &self.fingerprint
    }

    /// The kept answer, or why there is none to give. `Ok(None)`: the request is new.
    pub(crate) fn settle(&self, claim: Claim) -> Result<Option<Reply>, ApiError> {
        let (earlier, answer) = match claim {
            Claim::Fresh => return Ok(None),
            Claim::InProgress { fingerprint } => (fingerprint, None),
            Claim::Answered { fingerprint, answer } => (fingerprint, Some(answer)),
        };
        if earlier != self.fingerprint {
            return Err(ApiError::new(
                Code::IdempotencyKeyReused,
                "This Idempotency-Key was used with another body. Use a new key for a new request.",
            ));
        }
        match answer {
            Some(answer) => Ok(Some(answer.replay())),
            None => Err(ApiError::new(
                Code::IdempotencyInProgress,
                "A request with this Idempotency-Key is being worked on. Ask again after Retry-After.",
            )
            .retry_after(ASK_AGAIN)),
        }
    }

    fn read(parts: &Parts) -> Result<Option<Self>, ApiError> {
        let refuse = |message: &str| {
            ApiError::validation(vec![FieldProblem { field: "Idempotency-Key".into(), message: message.into() }])
        };
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

    fn of(method: &Method, path: &str, key: &[u8], digest: [u8; 32]) -> Self {
        let mut scope = Sha256::new();
        for part in [method.as_str().as_bytes(), b" ", path.as_bytes(), b"\0", key] {
            scope.update(part);
        }
        Self { scope: scope.finalize().into(), fingerprint: hex::encode(digest) }
    }
}

impl<S: Send + Sync> FromRequestParts<S> for IdempotencyKey {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, ApiError> {
        Self::read(parts)?.ok_or_else(|| {
            ApiError::validation(vec![FieldProblem { field: "Idempotency-Key".into(), message: "is required".into() }])
        })
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

    fn key(key: &str, path: &str, body: u8) -> IdempotencyKey {
        IdempotencyKey::of(&Method::POST, path, key.as_bytes(), [body; 32])
    }

    #[test]
    fn an_answer_is_given_again_only_for_the_same_body() {
        let answer = Kept { status: 201, location: Some("/api/orders/1".into()), body: r#"{"id":"1"}"#.into() };
        let first = key("k", "/api/orders", 1);
        let kept = Claim::Answered { fingerprint: first.fingerprint().into(), answer };
        let replay = first.settle(kept.clone()).unwrap().unwrap();
        assert_eq!((replay.status.as_u16(), replay.body.as_str()), (201, r#"{"id":"1"}"#));
        assert_eq!(replay.headers, [(REPLAYED, HeaderValue::from_static("true"))]);
        let other = key("k", "/api/orders", 2).settle(kept).unwrap_err();
        assert_eq!(other.code(), Code::IdempotencyKeyReused);
    }

    #[test]
    fn a_request_in_progress_asks_to_wait() {
        let key = key("k", "/api/orders", 1);
        let error = key.settle(Claim::InProgress { fingerprint: key.fingerprint().into() }).unwrap_err();
        assert_eq!(error.code(), Code::IdempotencyInProgress);
        assert!(matches!(key.settle(Claim::Fresh), Ok(None)));
    }

    #[test]
    fn a_derived_id_depends_on_account_route_and_key_and_not_on_the_body() {
        let (a, b) = (Account::from_bytes([1; 32]), Account::from_bytes([2; 32]));
        let id = |name: &str, path: &str, body: u8, account: Account| -> Uuid { key(name, path, body).derive(account) };
        let first = id("k", "/api/orders", 1, a);
        assert_eq!(first, id("k", "/api/orders", 2, a));
        for other in [id("k", "/api/orders", 1, b), id("k", "/api/x", 1, a), id("l", "/api/orders", 1, a)] {
            assert_ne!(first, other);
        }
    }
}
