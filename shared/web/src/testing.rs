//! What tests of a route family stand on: a database in process, people with access tokens, and requests in the shape in
//! which API Gateway hands them over.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::missing_panics_doc,
    reason = "a test that cannot be set up has nothing else to do"
)]

use descrow_domain::{
    Account, Msisdn, Timestamp,
    user::{KycStatus, Role, User},
};
use descrow_platform::Config;
use descrow_store::{
    Family,
    testing::{TestStore, sample},
};
use http::{HeaderMap, StatusCode, header};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::{App, Edge, EdgeConfig, Subject};

/// A database with every table, and the edge over it.
pub struct Bench {
    /// The database, and what it costs.
    pub database: TestStore,
    /// The edge, with quotas that no test uses up.
    pub edge: Edge,
}

/// Somebody who is registered and logged in.
#[derive(Clone, Debug)]
pub struct Person {
    /// Who.
    pub account: Account,
    /// The session.
    pub family: Uuid,
    /// The access token.
    pub token: String,
}

impl Bench {
    /// Starts a database with every table.
    pub async fn start() -> Self {
        Self::with(&[]).await
    }

    /// The same with other settings of the edge.
    pub async fn with(settings: &[(&str, &str)]) -> Self {
        let usual = [
            ("JWT_SECRET", "test:0123456789abcdef0123456789abcdef"),
            ("CURSOR_SECRET", "fedcba9876543210fedcba9876543210"),
            ("AUTH_DOMAIN", "descrow.test"),
            ("CORS_ORIGINS", "https://app.descrow.test"),
            ("RATE_LIMIT_IP", "100000/900"),
            ("RATE_LIMIT_ACCOUNT", "100000/900"),
        ];
        let pairs = usual.iter().chain(settings).map(|(k, v)| ((*k).to_owned(), (*v).to_owned()));
        let config = Config::from_values(pairs, EdgeConfig::read).expect("settings of an edge");
        let database = TestStore::start().await;
        Self { edge: Edge::new(config, database.store.clone()), database }
    }

    /// Registers and logs in the account of 32 times `n`, with a phone that M-Pesa can pay.
    pub async fn person(&self, n: u8, role: Role) -> Person {
        self.registered(Account::from_bytes([n; 32]), n, role).await
    }

    /// Registers and logs in `account`, with the `n`th phone that M-Pesa can pay.
    pub async fn registered(&self, account: Account, n: u8, role: Role) -> Person {
        let (family, now) = (Uuid::now_v7(), Timestamp::now());
        let phone: Msisdn = format!("2547000000{n:02}").parse().expect("a phone number");
        let user = User { phone: Some(phone), ..sample::user(account, role, now) };
        let store = &self.database.store;
        store.users().create(&user).await.expect("a user");
        let session = Family::new(family, account, now, now.plus_seconds(3600));
        store.sessions().create_family(&session).await.expect("a session");
        self.database.trips.take();
        Person { account, family, token: self.token(account, family, role, now) }
    }

    /// An access token issued at `issued`.
    pub fn token(&self, account: Account, family: Uuid, role: Role, issued: Timestamp) -> String {
        let subject = Subject { account, role, kyc: KycStatus::Pending, family, auth_version: 1 };
        self.edge.tokens().issue(&subject, issued).expect("a token")
    }

    /// Sends a request, and counts the round trips that it took one after the other.
    pub async fn send(&self, app: &App, ask: &Ask) -> Answer {
        let request = lambda_http::request::from_str(&ask.0.to_string()).expect("an event of API Gateway");
        self.database.trips.take();
        let response = app.serve(request).await;
        let trips = self.database.trips.take();
        let (parts, body) = response.into_parts();
        let text = String::from_utf8(body.to_vec()).expect("a body in UTF-8");
        let body = if text.is_empty() { Value::Null } else { serde_json::from_str(&text).expect("a body in JSON") };
        Answer { status: parts.status, headers: parts.headers, body, text, trips }
    }
}

/// A request as API Gateway's REST proxy integration writes it.
#[derive(Clone, Debug)]
pub struct Ask(Value);

impl Ask {
    /// A request without token or body; `path` may have a query.
    pub fn new(method: &str, path: &str) -> Self {
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        let pairs = url::form_urlencoded::parse(query.as_bytes());
        let query: Map<String, Value> = pairs.map(|(name, value)| (name.into_owned(), json!([value]))).collect();
        Self(json!({
            "resource": path, "path": path, "httpMethod": method,
            "headers": {}, "multiValueHeaders": {},
            "multiValueQueryStringParameters": query,
            "requestContext": {"requestId": "test-request", "stage": "$default", "httpMethod": method,
                "path": path, "resourcePath": path, "identity": {"sourceIp": "203.0.113.7"}},
            "body": null, "isBase64Encoded": false,
        }))
    }

    /// A sample event. Its stage is left out of the path, as the functions' `AWS_LAMBDA_HTTP_IGNORE_STAGE_IN_PATH` does; a
    /// test cannot set a variable of its own process.
    pub fn event(text: &str) -> Self {
        let mut event: Value = serde_json::from_str(text).expect("an event in JSON");
        event["requestContext"]["stage"] = json!("$default");
        Self(event)
    }

    /// As `person`.
    #[must_use]
    pub fn by(self, person: &Person) -> Self {
        let bearer = format!("Bearer {}", person.token);
        self.header(header::AUTHORIZATION.as_str(), &bearer)
    }

    /// With an idempotency key.
    #[must_use]
    pub fn key(self, key: &str) -> Self {
        self.header("idempotency-key", key)
    }

    /// With a header, instead of the one of this name that it may have.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        for (member, value) in [("headers", json!(value)), ("multiValueHeaders", json!([value]))] {
            if let Some(headers) = self.0[member].as_object_mut() {
                headers.retain(|existing, _| !existing.eq_ignore_ascii_case(name));
                headers.insert(name.to_owned(), value);
            }
        }
        self
    }

    /// With a JSON body.
    #[must_use]
    pub fn json(self, body: &Value) -> Self {
        self.text("application/json", &body.to_string())
    }

    /// With a text as its body.
    #[must_use]
    pub fn text(mut self, content_type: &str, body: &str) -> Self {
        self.0["body"] = json!(body);
        self.header(header::CONTENT_TYPE.as_str(), content_type)
    }

    /// With bytes as its body, in base64 as API Gateway hands over binary media types.
    #[must_use]
    pub fn bytes(mut self, content_type: &str, body: &[u8]) -> Self {
        use base64::{Engine, prelude::BASE64_STANDARD};
        self.0["body"] = json!(BASE64_STANDARD.encode(body));
        self.0["isBase64Encoded"] = json!(true);
        self.header(header::CONTENT_TYPE.as_str(), content_type)
    }
}

/// What came back.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The body; `null` where there is none.
    pub body: Value,
    /// The body as it was written.
    pub text: String,
    /// Round trips to the database that followed one another.
    pub trips: usize,
}

impl Answer {
    /// The status as a number, and the error's code where it is one.
    pub fn outcome(&self) -> (u16, &str) {
        (self.status.as_u16(), self.body["code"].as_str().unwrap_or_default())
    }

    /// The fields that `details` name, in their order.
    pub fn fields(&self) -> Vec<&str> {
        self.body["details"].as_array().into_iter().flatten().filter_map(|d| d["field"].as_str()).collect()
    }

    /// A header's value.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }
}
