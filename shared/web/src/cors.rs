//! Cross-origin requests from the configured frontends.

use std::str::FromStr;

use http::{HeaderMap, HeaderValue, Method, Response, StatusCode, header};

/// What a browser may send.
const ALLOW_HEADERS: &str = "authorization, content-type, idempotency-key, if-none-match";
/// What a browser may use.
const ALLOW_METHODS: &str = "GET, POST, PUT, DELETE";
/// What a script may read of an answer.
const EXPOSE_HEADERS: &str =
    "etag, idempotency-replayed, location, ratelimit, ratelimit-policy, retry-after, x-request-id";

/// Origins that may use the API from a browser, as `CORS_ORIGINS` lists them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Origins(Vec<HeaderValue>);

/// An entry is not an origin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("is not a comma-separated list of origins such as https://app.example")]
pub struct InvalidOrigins;

impl FromStr for Origins {
    type Err = InvalidOrigins;

    /// An origin is scheme, host and port; `*` is refused, since answers are for their user only.
    fn from_str(text: &str) -> Result<Self, InvalidOrigins> {
        let entries = text.split(',').map(str::trim).filter(|entry| !entry.is_empty());
        let origins = entries.map(|entry| {
            let url = url::Url::parse(entry).map_err(|_| InvalidOrigins)?;
            let origin = url.origin();
            if !origin.is_tuple() || origin.ascii_serialization() != entry {
                return Err(InvalidOrigins);
            }
            HeaderValue::from_str(entry).map_err(|_| InvalidOrigins)
        });
        origins.collect::<Result<_, _>>().map(Self)
    }
}

impl Origins {
    /// The answer to a preflight request; `None` if this is none.
    pub(crate) fn preflight(&self, method: &Method, headers: &HeaderMap) -> Option<Response<axum::body::Body>> {
        if method != Method::OPTIONS {
            return None;
        }
        let mut response = Response::new(axum::body::Body::empty());
        *response.status_mut() = StatusCode::NO_CONTENT;
        let allowed = self.allows(headers);
        let answer = response.headers_mut();
        if allowed && headers.contains_key(header::ACCESS_CONTROL_REQUEST_METHOD) {
            answer.insert(header::ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static(ALLOW_METHODS));
            answer.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, HeaderValue::from_static(ALLOW_HEADERS));
            answer.insert(header::ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("7200"));
        }
        Some(response)
    }

    /// Adds to an answer what lets the request's origin read it.
    pub(crate) fn answer(&self, request: &HeaderMap, answer: &mut HeaderMap) {
        answer.append(header::VARY, HeaderValue::from_static("origin"));
        if let Some(origin) = request.get(header::ORIGIN).filter(|_| self.allows(request)) {
            answer.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
            answer.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static(EXPOSE_HEADERS));
        }
    }

    fn allows(&self, headers: &HeaderMap) -> bool {
        headers.get(header::ORIGIN).is_some_and(|origin| self.0.contains(origin))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_whole_origins_are_taken() {
        let two: Origins = "https://app.example, http://localhost:3000".parse().unwrap();
        assert_eq!(two.0.len(), 2);
        assert_eq!("".parse(), Ok(Origins::default()));
        for bad in ["*", "app.example", "https://app.example/", "https://app.example/x", "null", "file:///x"] {
            assert_eq!(bad.parse::<Origins>(), Err(InvalidOrigins), "{bad}");
        }
    }

    #[test]
    fn a_foreign_origin_is_told_nothing() {
        let origins: Origins = "https://app.example".parse().unwrap();
        for (origin, allowed) in [("https://app.example", true), ("https://app.example.evil", false)] {
            let request = HeaderMap::from_iter([
                (header::ORIGIN, HeaderValue::from_static(origin)),
                (header::ACCESS_CONTROL_REQUEST_METHOD, HeaderValue::from_static("POST")),
            ]);
            let mut response = origins.preflight(&Method::OPTIONS, &request).unwrap();
            origins.answer(&request, response.headers_mut());
            let headers = response.headers();
            assert_eq!(headers.contains_key(header::ACCESS_CONTROL_ALLOW_ORIGIN), allowed, "{origin}");
            assert_eq!(headers.contains_key(header::ACCESS_CONTROL_ALLOW_METHODS), allowed, "{origin}");
            assert_eq!(headers[header::VARY], "origin");
        }
    }
}
