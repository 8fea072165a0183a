//! Requests that no honest client sends: each is refused with a 4xx, in the shape that was asked for, and whole.

// Helpers of tests stand outside of functions marked as tests, where clippy allows this by itself.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

use axum::extract::{FromRef, State};
use descrow_platform::Config;
use descrow_store::testing::TestStore;
use descrow_web::{
    ApiError, App, Body, Edge, EdgeConfig, Fields, IdempotencyKey, Input, JSON_LIMIT, OpenApiRouter, Page, Reply,
    Request, Visitor, routes,
};
use serde::Deserialize;
use serde_json::{Value, json};

#[derive(Clone)]
struct Toys(Edge);

impl FromRef<Toys> for Edge {
    fn from_ref(toys: &Toys) -> Self {
        toys.0.clone()
    }
}

#[derive(Deserialize, utoipa::ToSchema)]
struct Toy {
    #[schema(value_type = String)]
    name: Input<String>,
    #[schema(value_type = Option<u64>)]
    count: Input<u64>,
}

impl Request for Toy {
    type Valid = (String, u64);

    fn validate(self, fields: &mut Fields) -> Option<Self::Valid> {
        let name = fields.required_with("name", self.name, |text| {
            let plain = !text.is_empty() && text.len() <= 20 && !text.chars().any(char::is_control);
            plain.then(|| text.to_owned()).ok_or("must have 1 to 20 characters, none of control")
        });
        let count = fields.number("count", self.count, 0..=9, Some(1));
        Some((name?, count?))
    }
}

/// Make
#[utoipa::path(post, path = "/api/toys", request_body = Toy, responses((status = 204, description = "Made")))]
async fn make(
    State(_toys): State<Toys>,
    visitor: Visitor,
    _key: Option<IdempotencyKey>,
    Body(_toy): Body<Toy>,
) -> Result<Reply, ApiError> {
    visitor.admit(async { Ok::<_, ApiError>(()) }).await?;
    Ok(Reply::no_content())
}

/// List
#[utoipa::path(get, path = "/api/toys", responses((status = 200, description = "Toys")))]
async fn list(page: Page) -> Result<Reply, ApiError> {
    let _from: Option<u64> = page.position()?;
    Reply::ok(&json!([]))
}

struct Hostile {
    what: &'static str,
    method: &'static str,
    path: String,
    headers: Vec<(&'static str, String)>,
    body: Vec<u8>,
    status: u16,
    code: &'static str,
    /// The fields that `details` name; none where it names a reason only.
    fields: &'static [&'static str],
}

fn post(what: &'static str, body: impl Into<Vec<u8>>, code: &'static str, fields: &'static [&'static str]) -> Hostile {
    let headers = vec![("content-type", "application/json".to_owned())];
    Hostile {
        what,
        method: "POST",
        path: "/api/toys".to_owned(),
        headers,
        body: body.into(),
        status: 400,
        code,
        fields,
    }
}

fn get(what: &'static str, query: &str, code: &'static str, fields: &'static [&'static str]) -> Hostile {
    let path = format!("/api/toys?{query}");
    Hostile { what, method: "GET", path, headers: vec![], body: vec![], status: 400, code, fields }
}

fn of_type(what: &'static str, kind: Option<&str>) -> Hostile {
    let headers = kind.map(|kind| ("content-type", kind.to_owned())).into_iter().collect();
    let good = post(what, r#"{"name":"x"}"#, "unsupported_media_type", &[]);
    Hostile { headers, status: 415, ..good }
}

fn keyed(what: &'static str, key: String) -> Hostile {
    let mut request = post(what, r#"{"name":"x"}"#, "validation_failed", &["Idempotency-Key"]);
    request.headers.push(("idempotency-key", key));
    request
}

fn hostile() -> Vec<Hostile> {
    let nested = |inner: &str| format!("{{\"name\":{}{inner}{}}}", "[".repeat(10_000), "]".repeat(10_000));
    let long_name = format!("{{\"name\":\"{}\"}}", "x".repeat(JSON_LIMIT));
    let mut requests = vec![
        post("no body", "", "malformed_json", &["body"]),
        post("half a body", r#"{"name":"#, "malformed_json", &["name"]),
        post("an array", "[]", "malformed_json", &["body"]),
        post("an array of the fields' values", r#"["x",1]"#, "malformed_json", &["body"]),
        post("null", "null", "malformed_json", &["body"]),
        post("trailing garbage", r#"{"name":"x"} y"#, "malformed_json", &["body"]),
        post("two documents", r#"{"name":"x"}{"name":"x"}"#, "malformed_json", &["body"]),
        post("a byte order mark", b"\xef\xbb\xbf{\"name\":\"x\"}", "malformed_json", &["body"]),
        post("invalid UTF-8", b"{\"name\":\"\xff\xfe\"}", "malformed_json", &["name"]),
        post("overlong UTF-8", b"{\"name\":\"\xc0\x80\"}", "malformed_json", &["name"]),
        post("a lone surrogate", r#"{"name":"\ud800"}"#, "malformed_json", &["name"]),
        post("surrogates swapped", r#"{"name":"\udc00\ud800"}"#, "malformed_json", &["name"]),
        post("a raw NUL", b"{\"name\":\"a\0b\"}", "malformed_json", &["name"]),
        post("an escaped NUL", r#"{"name":"a\u0000b"}"#, "validation_failed", &["name"]),
        post("a NUL between", b"{\0\"name\":\"x\"}", "malformed_json", &["body"]),
        post("too deep in a field", nested("1"), "malformed_json", &["name"]),
        post("too deep and open", format!("{{\"name\":{}", "[".repeat(10_000)), "malformed_json", &["name"]),
        post(
            "too deep in an unknown field",
            nested("1").replace("name", "deep"),
            "validation_failed",
            &["deep", "name"],
        ),
        post("beyond any float", r#"{"name":"x","count":1e400}"#, "malformed_json", &["count"]),
        post(
            "a number of ten thousand digits",
            format!("{{\"name\":\"x\",\"count\":1{}}}", "0".repeat(10_000)),
            "malformed_json",
            &["count"],
        ),
        post("beyond 64 bits", r#"{"name":"x","count":99999999999999999999}"#, "validation_failed", &["count"]),
        post("a fraction", r#"{"name":"x","count":1.5}"#, "validation_failed", &["count"]),
        post("below zero", r#"{"name":"x","count":-1}"#, "validation_failed", &["count"]),
        post("not a number", r#"{"name":"x","count":NaN}"#, "malformed_json", &["count"]),
        post("one key twice", r#"{"name":"a","name":"b"}"#, "malformed_json", &["body"]),
        post(
            "everything wrong at once",
            r#"{"nam":"x","count":10,"q":{"a":[1]},"name":5}"#,
            "validation_failed",
            &["nam", "q", "name", "count"],
        ),
        Hostile { status: 413, ..post("a byte too much", long_name, "body_too_large", &[]) },
        of_type("no content type", None),
        of_type("another content type", Some("text/plain")),
        of_type("a form", Some("application/x-www-form-urlencoded")),
        of_type("another encoding", Some("application/json; charset=utf-16")),
        of_type("nonsense for a content type", Some(";;;")),
        keyed("a key that is too long", "k".repeat(256)),
        keyed("a key with a blank", "a b".to_owned()),
        get("a limit beyond the most", "limit=101", "validation_failed", &["limit"]),
        get("a limit of many digits", &format!("limit={}", "9".repeat(4000)), "validation_failed", &["limit"]),
        get("parameters that are not known", "a=1&b=%00&limit=0", "validation_failed", &["limit", "a", "b"]),
        get("a long query", &format!("a={}", "x".repeat(8000)), "validation_failed", &["a"]),
        get("a cursor made up", "cursor=AAAA", "invalid_cursor", &[]),
        get("a cursor of other letters", "cursor=%F0%9F%92%A5%00", "invalid_cursor", &[]),
        get("a cursor that is too long", &format!("cursor={}", "A".repeat(5000)), "invalid_cursor", &[]),
    ];
    let mut headers = get("100 kB of headers", "limit=1", "headers_too_large", &[]);
    headers.headers = vec![("x-padding", "x".repeat(100_000))];
    requests.push(Hostile { status: 431, ..headers });
    let method = get("a method that the path does not take", "", "method_not_allowed", &[]);
    requests.push(Hostile { status: 405, method: "PATCH", ..method });
    requests
}

async fn app() -> (TestStore, App) {
    let settings = [
        ("JWT_SECRET", "k1:0123456789abcdef0123456789abcdef"),
        ("CURSOR_SECRET", "0123456789abcdef0123456789abcdef"),
        ("AUTH_DOMAIN", "app.descrow.example"),
        ("RATE_LIMIT_IP", "100000/900"),
    ];
    let settings = settings.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let config = Config::from_values(settings, EdgeConfig::read).unwrap();
    let database = TestStore::start().await;
    let edge = Edge::new(config, database.store.clone());
    let router = OpenApiRouter::new().routes(routes!(make, list)).with_state(Toys(edge.clone()));
    (database, App::new(edge, router.into()))
}

async fn send(app: &App, request: &Hostile, accept: &str) -> http::Response<lambda_http::Body> {
    let mut builder = http::Request::builder().method(request.method).uri(&request.path).header("accept", accept);
    for (name, value) in &request.headers {
        builder = builder.header(*name, value);
    }
    app.serve(builder.body(lambda_http::Body::Binary(request.body.clone())).unwrap()).await
}

#[tokio::test]
async fn what_no_honest_client_sends_is_refused_whole_and_in_the_shape_that_was_asked_for() {
    let (_database, app) = app().await;
    for request in hostile() {
        let what = request.what;
        let plain = send(&app, &request, "*/*").await;
        let body: Value = serde_json::from_slice(plain.body()).unwrap();
        assert_eq!((plain.status().as_u16(), &body["code"]), (request.status, &json!(request.code)), "{what}: {body}");
        let details = body["details"].as_array().cloned().unwrap_or_default();
        let fields: Vec<_> = details.iter().map(|detail| detail["field"].as_str().unwrap()).collect();
        assert_eq!(fields, request.fields, "{what}: {body}");
        assert!(details.iter().all(|detail| !detail["message"].as_str().unwrap().is_empty()), "{what}: {body}");
        let mut expected = json!({"error": body["error"], "code": request.code, "requestId": body["requestId"]});
        if details.is_empty() {
            assert!(!body["message"].as_str().unwrap().is_empty(), "{what}: {body}");
            expected["message"] = body["message"].clone();
        } else {
            expected["details"] = details.clone().into();
        }
        assert_eq!(body, expected, "{what}");
        assert_eq!(plain.headers()["content-type"], "application/json", "{what}");

        let problem = send(&app, &request, "application/problem+json").await;
        assert_eq!(problem.status().as_u16(), request.status, "{what}");
        assert_eq!(problem.headers()["content-type"], "application/problem+json", "{what}");
        let rendered: Value = serde_json::from_slice(problem.body()).unwrap();
        let mut expected = json!({
            "type": format!("urn:descrow:error:{}", request.code), "title": body["error"], "status": request.status,
            "detail": rendered["detail"], "code": request.code, "requestId": rendered["requestId"],
        });
        if !details.is_empty() {
            expected["errors"] = details.into();
        }
        assert_eq!(rendered, expected, "{what}");
        if request.status == 405 {
            assert_eq!(problem.headers()["allow"], "POST,GET,HEAD", "{what}");
        }
    }
}

#[tokio::test]
async fn the_same_route_takes_what_is_within_its_bounds() {
    let (_database, app) = app().await;
    let largest = format!("{{\"name\":\"x\"{}}}", " ".repeat(JSON_LIMIT - 12));
    assert_eq!(largest.len(), JSON_LIMIT);
    for body in [
        largest.into_bytes(),
        r#"{"name":"😀\ud83d\ude00","count":9}"#.into(),
        br#" {"name":"x","count":null} "#.to_vec(),
    ] {
        let answer = send(&app, &post("good", body, "", &[]), "*/*").await;
        assert_eq!(answer.status().as_u16(), 204, "{:?}", answer.body());
    }
}
