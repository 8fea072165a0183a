//! Query parameters and lists by pages.
//!
//! A cursor is the place where the next page begins, signed and bound to the path, the filter and the user: it cannot
//! be made up, and one list's cursor is no use on another.

use std::collections::{BTreeMap, BTreeSet};

use axum::extract::{FromRef, FromRequestParts};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD as BASE64};
use descrow_platform::Secret;
use hmac::{Hmac, KeyInit, Mac};
use http::request::Parts;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Map, Value};
use sha2::Sha256;

use crate::{
    ApiError, Code, Edge,
    evidence::Identity,
    fields::{Fields, Nothing, Request},
};

/// Entries of a page where the client does not say.
const DEFAULT_LIMIT: u32 = 20;
/// The most entries of a page.
const MAX_LIMIT: u32 = 100;
/// Bytes of the cursor's signature.
const TAG_BYTES: usize = 16;
/// The longest cursor that is looked at.
const CURSOR_BYTES: usize = 2048;

/// Signs and verifies cursors.
#[derive(Clone)]
pub(crate) struct CursorKey(Hmac<Sha256>);

impl CursorKey {
    pub(crate) fn new(secret: &Secret) -> Option<Self> {
        Hmac::new_from_slice(secret.expose().as_bytes()).ok().map(Self)
    }

    fn tag(&self, binding: &str, position: &[u8]) -> Hmac<Sha256> {
        let length = u64::try_from(binding.len()).unwrap_or(u64::MAX).to_be_bytes();
        self.0.clone().chain_update(length).chain_update(binding).chain_update(position)
    }

    fn seal(&self, binding: &str, position: &[u8]) -> String {
        let mut raw = self.tag(binding, position).finalize().into_bytes().to_vec();
        raw.truncate(TAG_BYTES);
        raw.extend_from_slice(position);
        BASE64.encode(raw)
    }

    fn open(&self, binding: &str, cursor: &str) -> Option<Vec<u8>> {
        if cursor.len() > CURSOR_BYTES {
            return None;
        }
        let raw = BASE64.decode(cursor).ok()?;
        let (tag, position) = raw.split_at_checked(TAG_BYTES)?;
        self.tag(binding, position).verify_truncated_left(tag).ok()?;
        Some(position.to_vec())
    }
}

/// Query parameters in domain types.
#[derive(Debug)]
pub struct Query<R: Request>(pub R::Valid);

impl<R: Request, S: Send + Sync> FromRequestParts<S> for Query<R> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, ApiError> {
        let mut fields = Fields::default();
        let pairs = read_pairs(parts.uri.query(), &mut fields);
        let valid = parse::<R>(pairs, &mut fields);
        fields.finish(valid).map(Self)
    }
}

/// What a client asks of a list: how many, from where on, and the filter `F`.
pub struct Page<F: Request = Nothing> {
    /// Entries wanted, 1 to 100.
    pub limit: u32,
    /// The filter in domain types.
    pub filter: F::Valid,
    position: Option<Vec<u8>>,
    binding: String,
    key: CursorKey,
}

/// One page of a list.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct List<T> {
    /// The entries.
    pub items: Vec<T>,
    /// Give it as `cursor` for the next page; `null` on the last one.
    pub next_cursor: Option<String>,
}

impl<F: Request> Page<F> {
    /// Where this page begins, as [`Page::list`] was told for the page before; `None` at the start.
    ///
    /// # Errors
    /// 400 where a cursor of an earlier release no longer says a place.
    pub fn position<P: DeserializeOwned>(&self) -> Result<Option<P>, ApiError> {
        let position = self.position.as_deref().map(serde_json::from_slice);
        position.transpose().map_err(|_| invalid_cursor())
    }

    /// The answer: this page's entries and, unless it is the last, where the next begins.
    ///
    /// # Errors
    /// An internal error if the place has no JSON form.
    pub fn list<T, P: Serialize>(&self, items: Vec<T>, next: Option<P>) -> Result<List<T>, ApiError> {
        let next = next.map(|p| serde_json::to_vec(&p)).transpose().map_err(ApiError::internal)?;
        Ok(List { items, next_cursor: next.map(|position| self.key.seal(&self.binding, &position)) })
    }
}

impl<F: Request, S: Send + Sync> FromRequestParts<S> for Page<F>
where
    Edge: FromRef<S>,
{
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let mut fields = Fields::default();
        let mut pairs = read_pairs(parts.uri.query(), &mut fields);
        let (limit, cursor) = (pairs.remove("limit"), pairs.remove("cursor"));
        let binding = binding(parts, &pairs);
        let limit = read_limit(limit.as_deref(), &mut fields);
        let filter = parse::<F>(pairs, &mut fields);
        let (limit, filter) = fields.finish(limit.zip(filter))?;
        let key = Edge::from_ref(state).cursors().clone();
        let position = match cursor {
            Some(cursor) => Some(key.open(&binding, &cursor).ok_or_else(invalid_cursor)?),
            None => None,
        };
        Ok(Self { limit, filter, position, binding, key })
    }
}

fn invalid_cursor() -> ApiError {
    ApiError::new(Code::InvalidCursor, "Start the list again without a cursor.")
}

fn read_limit(text: Option<&str>, fields: &mut Fields) -> Option<u32> {
    let Some(text) = text else { return Some(DEFAULT_LIMIT) };
    let limit = text.parse().ok().filter(|n| (1..=MAX_LIMIT).contains(n));
    if limit.is_none() {
        fields.refuse("limit", format_args!("must be a whole number from 1 to {MAX_LIMIT}"));
    }
    limit
}

/// What a cursor is good for: one path with the ids in it, one filter, one user.
fn binding(parts: &Parts, filter: &BTreeMap<String, String>) -> String {
    let user = parts.extensions.get::<Identity>().and_then(|i| i.0.as_ref().ok()?.as_ref()).map(|claims| claims.sub);
    serde_json::to_string(&(parts.uri.path(), user, filter)).unwrap_or_default()
}

fn read_pairs(query: Option<&str>, fields: &mut Fields) -> BTreeMap<String, String> {
    let mut pairs = BTreeMap::new();
    let mut twice = BTreeSet::new();
    for (name, value) in url::form_urlencoded::parse(query.unwrap_or_default().as_bytes()) {
        if pairs.insert(name.clone().into_owned(), value.into_owned()).is_some() {
            twice.insert(name.into_owned());
        }
    }
    for name in twice {
        fields.refuse(name, "is given twice");
    }
    pairs
}

fn parse<R: Request>(pairs: BTreeMap<String, String>, fields: &mut Fields) -> Option<R::Valid> {
    let object: Map<String, Value> = pairs.into_iter().map(|(name, value)| (name, Value::String(value))).collect();
    let mut unknown = |path: serde_ignored::Path<'_>| fields.refuse(path.to_string(), "is not a known parameter");
    match serde_ignored::deserialize::<_, _, R>(Value::Object(object), &mut unknown) {
        Ok(raw) => raw.validate(fields),
        Err(error) => {
            fields.refuse("query", error);
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn key() -> CursorKey {
        CursorKey::new(&Secret::new("0123456789abcdef0123456789abcdef")).unwrap()
    }

    #[test]
    fn a_cursor_opens_only_for_what_it_was_sealed_for() {
        let cursor = key().seal("a", b"place");
        assert_eq!(key().open("a", &cursor), Some(b"place".to_vec()));
        assert_eq!(key().open("b", &cursor), None);
        assert_eq!(key().open("ap", &key().seal("a", b"place")), None);
        let other = CursorKey::new(&Secret::new("another secret of thirty-two byte")).unwrap();
        assert_eq!(other.open("a", &cursor), None);
    }

    #[test]
    fn a_limit_is_one_to_a_hundred() {
        let limit = |text| {
            let mut fields = Fields::default();
            let limit = read_limit(text, &mut fields);
            fields.finish(limit).ok()
        };
        assert_eq!([limit(None), limit(Some("1")), limit(Some("100"))], [Some(20), Some(1), Some(100)]);
        for bad in ["0", "101", "-1", "1.5", "", "ten", "99999999999999999999"] {
            assert_eq!(limit(Some(bad)), None, "{bad}");
        }
    }

    proptest! {
        #[test]
        fn a_tampered_cursor_never_opens(position in proptest::collection::vec(any::<u8>(), 0..60), at: usize, bit in 0u8..8) {
            let cursor = key().seal("route", &position);
            let mut raw = BASE64.decode(&cursor).unwrap();
            let at = at % raw.len();
            raw[at] ^= 1 << bit;
            prop_assert_eq!(key().open("route", &BASE64.encode(raw)), None);
            prop_assert_eq!(key().open("route", &cursor), Some(position));
        }

        #[test]
        fn no_cursor_makes_the_parser_panic(cursor in ".{0,100}") {
            prop_assert_eq!(key().open("route", &cursor), None);
        }
    }
}
