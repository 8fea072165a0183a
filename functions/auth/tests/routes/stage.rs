//! The function as API Gateway calls it, over a database and a bucket in this process.

use auth::{Auth, settings::Environment};
use aws_sdk_dynamodb::types::AttributeValue;
use descrow_domain::Account;
use descrow_platform::{Config, bucket::testing::TestBucket};
use descrow_store::testing::TestStore;
use descrow_web::{App, Edge};
use serde_json::{Value, json};

pub(crate) const ORIGIN: &str = "https://app.descrow.example";

/// A wallet with an sr25519 key.
pub(crate) struct Wallet(schnorrkel::Keypair);

impl Wallet {
    pub(crate) fn new(seed: u8) -> Self {
        let secret = schnorrkel::MiniSecretKey::from_bytes(&[seed; 32]).unwrap();
        Self(secret.expand_to_keypair(schnorrkel::ExpansionMode::Ed25519))
    }

    pub(crate) fn account(&self) -> Account {
        Account::from_bytes(self.0.public.to_bytes())
    }

    pub(crate) fn sign(&self, message: &str) -> String {
        let signature = self.0.sign_simple(b"substrate", format!("<Bytes>{message}</Bytes>").as_bytes());
        format!("0x{}", hex::encode(signature.to_bytes()))
    }
}

pub(crate) struct Stack {
    pub(crate) db: TestStore,
    pub(crate) documents: TestBucket,
    app: App,
}

pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: lambda_http::http::HeaderMap,
    pub(crate) body: Value,
}

impl Answer {
    pub(crate) fn code(&self) -> &str {
        self.body["code"].as_str().unwrap_or_default()
    }

    pub(crate) fn text(&self, pointer: &str) -> String {
        self.body.pointer(pointer).and_then(Value::as_str).unwrap_or_else(|| panic!("{pointer}: {}", self.body)).into()
    }
}

impl Stack {
    pub(crate) async fn new() -> Self {
        Self::with(&[]).await
    }

    pub(crate) async fn with(changed: &[(&str, &str)]) -> Self {
        let db = TestStore::start().await;
        let settings = [
            ("JWT_SECRET", "k1:0123456789abcdef0123456789abcdef"),
            ("CURSOR_SECRET", "0123456789abcdef0123456789abcdef"),
            ("AUTH_DOMAIN", "app.descrow.example"),
            ("CORS_ORIGINS", ORIGIN),
            ("TABLE_USERS", "test-users"),
            ("TABLE_SESSIONS", "test-sessions"),
            ("TABLE_NOTIFICATIONS", "test-notifications"),
            ("TABLE_LIMITS", "test-limits"),
            ("UPLOADS_BUCKET", "bucket"),
        ];
        let settings = settings.iter().chain(changed).map(|(k, v)| ((*k).to_owned(), (*v).to_owned()));
        let environment = Config::from_values(settings, Environment::read).unwrap();
        let store = db.store.clone();
        let edge = Edge::new(environment.edge, store.clone());
        let documents = TestBucket::start();
        let bucket = documents.bucket.clone();
        Self { app: auth::app(Auth { edge, store, documents: bucket, settings: environment.settings }), db, documents }
    }

    pub(crate) async fn send(&self, event: Value) -> Answer {
        let request = lambda_http::request::from_str(&event.to_string()).unwrap();
        let response = self.app.serve(request).await;
        let (parts, body) = response.into_parts();
        let body = serde_json::from_slice(&body).unwrap_or(Value::Null);
        Answer { status: parts.status.as_u16(), headers: parts.headers, body }
    }

    pub(crate) async fn challenge(&self, account: &Account) -> (String, String) {
        let mut event = event("auth-challenge");
        event["body"] = json!({"account": account}).to_string().into();
        let answer = self.send(event).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        (answer.text("/nonce"), answer.text("/message"))
    }

    /// Sends `name` with a fresh challenge that `wallet` signed, and `more` in its body.
    pub(crate) async fn prove(&self, name: &str, wallet: &Wallet, more: Value) -> Answer {
        let (nonce, message) = self.challenge(&wallet.account()).await;
        let mut body = json!({"account": wallet.account(), "nonce": nonce, "signature": wallet.sign(&message)});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        self.db.trips.take();
        self.send(with_body(name, &body)).await
    }

    /// Everybody's quotas are used up.
    pub(crate) async fn use_up_quotas(&self) {
        for id in self.rows("limits").await {
            let much = AttributeValue::N("1000000".to_owned());
            let row = self.db.client.update_item().table_name("test-limits").key("id", AttributeValue::S(id));
            let row = row.update_expression("SET hits = :much").expression_attribute_values(":much", much);
            row.send().await.unwrap();
        }
    }

    /// New windows begin.
    pub(crate) async fn free_quotas(&self) {
        for id in self.rows("limits").await {
            let row = self.db.client.delete_item().table_name("test-limits").key("id", AttributeValue::S(id));
            row.send().await.unwrap();
        }
    }

    /// The ids in a table.
    pub(crate) async fn rows(&self, table: &str) -> Vec<String> {
        let all = self.db.client.scan().table_name(format!("test-{table}")).send().await.unwrap();
        let mut ids: Vec<_> = all.items().iter().map(|item| item["id"].as_s().unwrap().clone()).collect();
        ids.sort();
        ids
    }

    pub(crate) async fn register(&self, wallet: &Wallet) -> Answer {
        let answer = self.prove("auth-register", wallet, json!({"role": "seller"})).await;
        assert_eq!(answer.status, 201, "{}", answer.body);
        answer
    }

    pub(crate) async fn refresh(&self, token: &str) -> Answer {
        self.send(with_body("auth-refresh", &json!({"refreshToken": token}))).await
    }

    pub(crate) async fn as_user(&self, name: &str, token: &str) -> Answer {
        let mut event = event(name);
        set_header(&mut event, "Authorization", &format!("Bearer {token}"));
        self.send(event).await
    }
}

/// Method, path and sample event of every route.
pub(crate) const EVENTS: [(&str, &str, &str); 9] = [
    ("POST", "/api/auth/challenge", "auth-challenge"),
    ("POST", "/api/auth/register", "auth-register"),
    ("POST", "/api/auth/login", "auth-login"),
    ("POST", "/api/auth/refresh", "auth-refresh"),
    ("POST", "/api/auth/logout", "auth-logout"),
    ("GET", "/api/auth/profile", "auth-profile-get"),
    ("PUT", "/api/auth/profile", "auth-profile-put"),
    ("POST", "/api/auth/kyc", "auth-kyc-submit"),
    ("POST", "/api/auth/kyc/uploads", "auth-kyc-uploads"),
];

pub(crate) fn event(name: &str) -> Value {
    let path = format!("{}/../../events/{name}.json", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

/// API Gateway sends each header twice, once in each form.
pub(crate) fn set_header(event: &mut Value, name: &str, value: &str) {
    event["headers"][name] = value.into();
    event["multiValueHeaders"][name] = json!([value]);
}

pub(crate) fn with_body(name: &str, body: &Value) -> Value {
    let mut event = event(name);
    event["body"] = body.to_string().into();
    event
}
