//! Requests that are done once: a record of the request, its answer in it, is written by the transaction that does it, so
//! that effect and answer are there together or not at all.
//!
//! Such a route reads the record with its first read, gives the answer again where there is one, and otherwise hands the
//! record to its transaction; of two equal requests at once the slower one finds the faster one's record there.

use descrow_domain::{Account, Timestamp};
use descrow_store::IdempotencyRecord;
use http::{HeaderName, HeaderValue, StatusCode};
use serde::{Deserialize, Serialize};

use crate::{ApiError, Code, IdempotencyKey, Reply};

/// Says that an answer was given before.
const REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");
/// How long an answer is kept, in seconds.
const KEPT_FOR: i64 = 24 * 3600;
/// How long an unfinished request keeps its key, in seconds: more than any invocation lives.
const CLAIMED_FOR: i64 = 60;
/// When to ask again for a request in progress, in seconds.
const ASK_AGAIN: u64 = 2;

/// An answer as its record keeps it.
#[derive(Serialize, Deserialize)]
struct Kept {
    status: u16,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    location: Option<String>,
    body: String,
}

/// One request of one account.
#[derive(Clone, Debug)]
pub struct Once {
    key: IdempotencyKey,
    id: String,
}

impl Once {
    /// The request of `account` with `key`.
    pub fn new(key: IdempotencyKey, account: Account) -> Self {
        let id = IdempotencyRecord::id(&account.to_string(), key.scope());
        Self { key, id }
    }

    /// The record's id, to read it by.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// What a record that was found says: the answer to give again, or `None` where the request is new.
    ///
    /// # Errors
    /// 409 while an equal request is being worked on, 422 where the key came with another body.
    pub fn settle(&self, found: Option<IdempotencyRecord>, now: Timestamp) -> Result<Option<Reply>, ApiError> {
        let Some(found) = found.filter(|record| record.in_force(now)) else { return Ok(None) };
        if found.request_hash != self.key.fingerprint() {
            return Err(ApiError::new(
                Code::IdempotencyKeyReused,
                "This Idempotency-Key was used with another body. Use a new key for a new request.",
            ));
        }
        let outcome = found.outcome.ok_or_else(in_progress)?;
        replay(&outcome).map(Some)
    }

    /// What the record says that stood against the transaction: it is in force, or was a moment ago.
    ///
    /// # Errors
    /// As [`Once::settle`].
    pub fn settle_refused(&self, found: IdempotencyRecord, now: Timestamp) -> Result<Reply, ApiError> {
        self.settle(Some(found), now)?.ok_or_else(in_progress)
    }

    /// The record with its answer, for the transaction that does the request.
    ///
    /// # Errors
    /// An internal error if the answer has no JSON form.
    pub fn answered(&self, reply: &Reply, now: Timestamp) -> Result<IdempotencyRecord, ApiError> {
        let outcome = Some(outcome(reply)?);
        Ok(IdempotencyRecord { outcome, ..self.claimed(now) })
    }

    /// The record of a request that will be answered after its transaction.
    pub fn claimed(&self, now: Timestamp) -> IdempotencyRecord {
        IdempotencyRecord {
            id: self.id.clone(),
            request_hash: self.key.fingerprint().to_owned(),
            outcome: None,
            locked_until: now.plus_seconds(CLAIMED_FOR),
            expires_at: now.plus_seconds(KEPT_FOR).seconds(),
        }
    }
}

/// An answer as a record keeps it.
///
/// # Errors
/// An internal error if it has no JSON form.
pub fn outcome(reply: &Reply) -> Result<String, ApiError> {
    let kept = Kept { status: reply.status.as_u16(), location: reply.location.clone(), body: reply.body.clone() };
    serde_json::to_string(&kept).map_err(ApiError::internal)
}

fn replay(outcome: &str) -> Result<Reply, ApiError> {
    let kept: Kept = serde_json::from_str(outcome).map_err(ApiError::internal)?;
    let status = StatusCode::from_u16(kept.status).map_err(ApiError::internal)?;
    let headers = vec![(REPLAYED, HeaderValue::from_static("true"))];
    Ok(Reply { status, location: kept.location, body: kept.body, headers })
}

fn in_progress() -> ApiError {
    ApiError::new(
        Code::IdempotencyInProgress,
        "A request with this Idempotency-Key is being worked on. Ask again after Retry-After.",
    )
    .retry_after(ASK_AGAIN)
}

#[cfg(test)]
mod tests {
    use http::Method;

    use super::*;

    const NOW: Timestamp = Timestamp(1_790_000_000_000);

    fn once(body: u8) -> Once {
        let key = IdempotencyKey::of(&Method::POST, "/api/orders", b"k", [body; 32]);
        Once::new(key, Account::from_bytes([1; 32]))
    }

    #[test]
    fn an_answer_is_given_again_byte_for_byte_for_a_day() {
        let reply = Reply::created("/api/orders/1".to_owned(), &serde_json::json!({"id": "1"})).unwrap();
        let record = once(1).answered(&reply, NOW).unwrap();
        let again = once(1).settle(Some(record.clone()), NOW).unwrap().unwrap();
        assert_eq!(again.headers, [(REPLAYED, HeaderValue::from_static("true"))]);
        assert_eq!(Reply { headers: vec![], ..again }, reply);
        assert!(once(1).settle(Some(record.clone()), NOW.plus_seconds(KEPT_FOR)).unwrap().is_none());
        let other = once(2).settle(Some(record), NOW).unwrap_err();
        assert_eq!(other.code(), Code::IdempotencyKeyReused);
    }

    #[test]
    fn an_unanswered_request_keeps_its_key_for_a_minute_only() {
        let claimed = once(1).claimed(NOW);
        let wait = once(1).settle(Some(claimed.clone()), NOW).unwrap_err();
        assert_eq!(wait.code(), Code::IdempotencyInProgress);
        let response = axum::response::IntoResponse::into_response(wait);
        assert_eq!(
            (response.status().as_u16(), &response.headers()["retry-after"]),
            (409, &HeaderValue::from(ASK_AGAIN))
        );
        assert!(once(1).settle(Some(claimed.clone()), NOW.plus_seconds(CLAIMED_FOR)).unwrap().is_none());
        let refused = once(1).settle_refused(claimed, NOW.plus_seconds(CLAIMED_FOR)).unwrap_err();
        assert_eq!(refused.code(), Code::IdempotencyInProgress);
        assert!(once(1).settle(None, NOW).unwrap().is_none());
    }
}
