//! Answers that may be kept by clients and caches, and checked by their `ETag`.

use axum::extract::FromRequestParts;
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD as BASE64};
use http::{HeaderValue, StatusCode, header, request::Parts};
use sha2::{Digest, Sha256};

use crate::{ApiError, Reply};

/// Bytes of the hash that make an `ETag`: plenty to tell two answers apart.
const TAG_BYTES: usize = 12;

/// What the client has already: `If-None-Match`.
#[derive(Clone, Debug, Default)]
pub struct Known(Option<String>);

impl<S: Send + Sync> FromRequestParts<S> for Known {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, ApiError> {
        let known = parts.headers.get(header::IF_NONE_MATCH).and_then(|v| v.to_str().ok());
        Ok(Self(known.map(ToOwned::to_owned)))
    }
}

impl Known {
    /// `reply` for anybody to keep for `seconds`, with its `ETag`; 304 without a body where the client has it.
    pub fn public(&self, reply: Reply, seconds: u32) -> Reply {
        let tag = tag(&reply);
        self.tagged(reply, &tag, "", seconds)
    }

    /// The same where answers count as equal that differ in a detail: those whose `essence` is the same, by a weak `ETag`.
    pub fn equivalent(&self, reply: Reply, essence: &Reply, seconds: u32) -> Reply {
        self.tagged(reply, &tag(essence), "W/", seconds)
    }

    fn tagged(&self, reply: Reply, tag: &str, strength: &str, seconds: u32) -> Reply {
        let fresh = if self.has(tag) {
            Reply { status: StatusCode::NOT_MODIFIED, body: String::new(), ..reply }
        } else {
            reply
        };
        let control = HeaderValue::from_str(&format!("public, max-age={seconds}"));
        match (HeaderValue::from_str(&format!("{strength}{tag}")), control) {
            (Ok(tag), Ok(control)) => fresh.header(header::ETAG, tag).header(header::CACHE_CONTROL, control),
            _ => fresh,
        }
    }

    /// Weak comparison (RFC 9110 §13.1.2).
    fn has(&self, tag: &str) -> bool {
        let known = self.0.as_deref().unwrap_or_default();
        known.trim() == "*" || known.split(',').any(|k| k.trim().trim_start_matches("W/") == tag)
    }
}

/// The body's hash as an entity tag.
fn tag(reply: &Reply) -> String {
    let digest = Sha256::digest(reply.body.as_bytes());
    format!("\"{}\"", BASE64.encode(digest.get(..TAG_BYTES).unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_client_has_is_not_sent_again() {
        let reply = Reply::ok(&"x").unwrap();
        let first = Known::default().public(reply.clone(), 300);
        let tag = first.headers[0].1.to_str().unwrap().to_owned();
        assert_eq!((first.status, first.headers[1].1.to_str().unwrap()), (StatusCode::OK, "public, max-age=300"));
        for known in [tag.clone(), format!("W/{tag}"), format!("\"a\", {tag}"), "*".into()] {
            let again = Known(Some(known)).public(reply.clone(), 300);
            assert_eq!((again.status, again.body.as_str()), (StatusCode::NOT_MODIFIED, ""));
        }
        let changed = Known(Some(tag)).public(Reply::ok(&"y").unwrap(), 300);
        assert_eq!(changed.status, StatusCode::OK);
    }

    #[test]
    fn answers_with_the_same_essence_are_one_to_who_has_either() {
        let (essence, one, two) = (Reply::ok(&"e").unwrap(), Reply::ok(&"x").unwrap(), Reply::ok(&"y").unwrap());
        let first = Known::default().equivalent(one.clone(), &essence, 30);
        let tag = first.headers[0].1.to_str().unwrap().to_owned();
        assert_eq!((first.status, first.body.as_str(), tag.starts_with("W/\"")), (StatusCode::OK, "\"x\"", true));
        let again = Known(Some(tag.clone())).equivalent(two.clone(), &essence, 30);
        assert_eq!((again.status, again.headers.clone()), (StatusCode::NOT_MODIFIED, first.headers));
        assert_eq!(Known(Some(tag)).equivalent(two, &one, 30).status, StatusCode::OK);
    }
}
