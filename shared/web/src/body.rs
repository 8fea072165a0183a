//! JSON bodies: bounded, of the right media type, and nothing in them that the route does not know.

use axum::extract::{FromRequest, Request as HttpRequest};
use http::{HeaderMap, header};
use http_body_util::{BodyExt, Limited};

use crate::{
    ApiError, Code,
    error::FieldProblem,
    fields::{Fields, Request},
};

/// The largest JSON body.
pub const JSON_LIMIT: usize = 256 * 1024;

/// Bytes of the longest path within a body that an error names whole.
const LONGEST_PATH: usize = 100;

/// A JSON body in domain types. It is the last argument of a handler.
#[derive(Debug)]
pub struct Body<R: Request>(pub R::Valid);

impl<R: Request, S: Send + Sync> FromRequest<S> for Body<R> {
    type Rejection = ApiError;

    async fn from_request(request: HttpRequest, _state: &S) -> Result<Self, ApiError> {
        if !is_json(request.headers()) {
            return Err(ApiError::new(Code::UnsupportedMediaType, "Send application/json."));
        }
        let bytes = Limited::new(request.into_body(), JSON_LIMIT)
            .collect()
            .await
            .map_err(|_| ApiError::new(Code::BodyTooLarge, "A JSON body has at most 262144 bytes."))?
            .to_bytes();
        parse::<R>(&bytes).map(Self)
    }
}

fn is_json(headers: &HeaderMap) -> bool {
    let value = headers.get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or_default();
    let (essence, parameters) = value.split_once(';').unwrap_or((value, ""));
    let charset = parameters.trim().to_ascii_lowercase();
    essence.trim().eq_ignore_ascii_case("application/json")
        && (charset.is_empty() || charset == "charset=utf-8" || charset == "charset=\"utf-8\"")
}

/// Reads and validates a JSON object; unknown fields are problems like any other.
fn parse<R: Request>(bytes: &[u8]) -> Result<R::Valid, ApiError> {
    let mut fields = Fields::default();
    let mut track = serde_path_to_error::Track::new();
    let mut json = serde_json::Deserializer::from_slice(bytes);
    let mut unknown = |path: serde_ignored::Path<'_>| fields.refuse(path.to_string(), "is not a known field");
    let tracked = serde_path_to_error::Deserializer::new(&mut json, &mut track);
    let raw: Result<R, _> = R::deserialize(serde_ignored::Deserializer::new(tracked, &mut unknown));
    let raw = raw.and_then(|raw| json.end().map(|()| raw));
    // To serde a list is a struct as well, its entries in the order of the fields.
    let list = bytes.trim_ascii_start().starts_with(b"[");
    let raw = if list { Err(serde::de::Error::custom("expected an object, not a list")) } else { raw };
    let raw = raw.map_err(|error| {
        let path = track.path().to_string();
        // `?` is a name that was not read to its end; what is nested too deep is named by where it begins.
        let field = match path.as_str() {
            "." | "?" => "body".to_owned(),
            deep if deep.len() > LONGEST_PATH => deep.split(['[', '.']).next().unwrap_or_default().to_owned(),
            _ => path,
        };
        // serde's own text may quote what the client sent, which is the client's to see; it is never logged.
        ApiError::with_details(
            Code::MalformedJson,
            "The body is not the JSON object that this route takes.",
            vec![FieldProblem { field, message: error.to_string() }],
        )
    })?;
    let valid = raw.validate(&mut fields);
    fields.finish(valid)
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;
    use crate::fields::Input;

    #[derive(Debug, Deserialize)]
    struct Raw {
        name: Input<String>,
        count: Input<u64>,
    }

    impl Request for Raw {
        type Valid = (String, u64);

        fn validate(self, fields: &mut Fields) -> Option<(String, u64)> {
            let (name, count) =
                (fields.required("name", self.name), fields.number("count", self.count, 0..=9, Some(0)));
            Some((name?, count?))
        }
    }

    #[test]
    fn unknown_fields_and_broken_rules_are_listed_together() {
        let error = parse::<Raw>(br#"{"nam":"x","count":10,"deep":{"a":[1]}}"#).unwrap_err();
        let listed: Vec<_> = error.details().iter().map(|p| (p.field.as_str(), p.message.as_str())).collect();
        assert_eq!(
            listed,
            [
                ("nam", "is not a known field"),
                ("deep", "is not a known field"),
                ("name", "is required"),
                ("count", "must be a whole number from 0 to 9"),
            ]
        );
        assert_eq!(error.code(), Code::ValidationFailed);
    }

    #[test]
    fn what_is_not_a_json_object_is_refused_whatever_it_is() {
        let deep = format!("{{\"name\":{}", "[".repeat(100_000));
        let deep_unknown = format!("{{\"x\":{}{}}}", "[".repeat(10_000), "]".repeat(10_000));
        let cases: Vec<(&str, Vec<u8>)> = vec![
            ("empty", vec![]),
            ("truncated", br#"{"name":"#.to_vec()),
            ("trailing", br#"{"name":"x"} y"#.to_vec()),
            ("array", b"[]".to_vec()),
            ("array of the fields' values", br#" ["x", 1]"#.to_vec()),
            ("null", b"null".to_vec()),
            ("string", br#""x""#.to_vec()),
            ("invalid UTF-8", b"{\"name\":\"\xff\xfe\"}".to_vec()),
            ("lone surrogate", br#"{"name":"\ud800"}"#.to_vec()),
            ("number beyond any float", format!("{{\"count\":1{}}}", "0".repeat(400)).into_bytes()),
            ("huge exponent", br#"{"count":1e999}"#.to_vec()),
            ("not a number", br#"{"count":NaN}"#.to_vec()),
            ("nested too deep", deep.into_bytes()),
            ("unknown and deep", deep_unknown.into_bytes()),
            ("twice the same", br#"{"name":"a","name":"b"}"#.to_vec()),
            ("byte order mark", b"\xef\xbb\xbf{\"name\":\"x\"}".to_vec()),
        ];
        for (what, bytes) in cases {
            let error = parse::<Raw>(&bytes).expect_err(what);
            assert_eq!(error.code().number(), 400, "{what}");
            assert!(!error.details().is_empty(), "{what}");
        }
    }

    #[test]
    fn a_malformed_field_is_named() {
        let error = parse::<Raw>(br#"{"name":"x","count":1e999}"#).unwrap_err();
        assert_eq!((error.code(), error.details()[0].field.as_str()), (Code::MalformedJson, "count"));
    }

    #[test]
    fn only_json_in_utf_8_is_taken() {
        for (value, taken) in [
            ("application/json", true),
            ("Application/JSON; charset=UTF-8", true),
            ("application/json;charset=\"utf-8\"", true),
            ("application/json; charset=latin1", false),
            ("text/plain", false),
            ("application/jsonp", false),
            ("", false),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header::CONTENT_TYPE, value.parse().unwrap());
            assert_eq!(is_json(&headers), taken, "{value}");
        }
        assert!(!is_json(&HeaderMap::new()));
    }
}
