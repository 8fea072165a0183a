//! A family of toy routes, one for each thing that the edge does.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use axum::extract::{FromRef, State};
use descrow_domain::{Account, Timestamp, user::Role};
use descrow_platform::{Config, ConfigError};
use descrow_store::{
    Family, Store,
    testing::{TestStore, sample},
};
use descrow_web::{
    Admin, ApiError, App, Authenticated, Buyer, Code, Edge, EdgeConfig, Id, Known, List, OpenApiRouter, Page, Reply,
    Seller, Subject, Visitor, routes,
};
use serde_json::{Value, json};

#[derive(Clone)]
pub(crate) struct Toy {
    edge: Edge,
    notes: Arc<AtomicUsize>,
}

impl FromRef<Toy> for Edge {
    fn from_ref(toy: &Toy) -> Self {
        toy.edge.clone()
    }
}

/// Read
#[utoipa::path(get, path = "/api/toys", responses((status = 200, description = "Toys", body = List<u64>)))]
async fn list(page: Page, _maybe: Option<Authenticated>) -> Result<Reply, ApiError> {
    let from: u64 = page.position()?.unwrap_or_default();
    let next = from + u64::from(page.limit);
    Reply::ok(&page.list((from..next).collect(), (next < 50).then_some(next))?)
}

/// Change
#[utoipa::path(post, path = "/api/toys", security(("token" = [])), responses((status = 204, description = "Done")))]
async fn change(State(toy): State<Toy>, seller: Seller) -> Result<Reply, ApiError> {
    toy.edge.live(seller, async { Ok::<_, ApiError>(()) }).await?;
    Ok(Reply::no_content())
}

/// Buy
#[utoipa::path(post, path = "/api/toys/{id}/buy", security(("token" = [])), params(("id" = u32, Path)),
    responses((status = 204, description = "Done")))]
async fn buy(State(toy): State<Toy>, buyer: Buyer, Id(_id): Id<u32>) -> Result<Reply, ApiError> {
    toy.edge.live(buyer, async { Ok::<_, ApiError>(()) }).await?;
    Ok(Reply::no_content())
}

/// Administer
#[utoipa::path(get, path = "/api/admin/toys", security(("token" = [])), responses((status = 200, description = "Toys")))]
async fn administer(_admin: Admin) -> Result<Reply, ApiError> {
    Reply::ok(&json!([]))
}

/// Break
#[utoipa::path(get, path = "/api/toys/broken", responses((status = 200, description = "Never")))]
async fn broken() -> Result<Reply, ApiError> {
    panic!("password=hunter2")
}

/// Fail
#[utoipa::path(get, path = "/api/toys/failing", responses((status = 200, description = "Never")))]
async fn failing() -> Result<Reply, ApiError> {
    Err(ApiError::caused(Code::PaymentService, std::io::Error::other("password=hunter2")))
}

/// Hang
#[utoipa::path(get, path = "/api/toys/hanging", responses((status = 200, description = "Never")))]
async fn hanging() -> Result<Reply, ApiError> {
    std::future::pending().await
}

/// Keep
#[utoipa::path(get, path = "/api/toys/{id}", params(("id" = u32, Path)), responses((status = 200, description = "A toy")))]
async fn get(Id(id): Id<u32>, known: Known) -> Result<Reply, ApiError> {
    Ok(known.public(Reply::ok(&json!({"id": id}))?, 300))
}

/// Visit
#[utoipa::path(post, path = "/api/visits", responses((status = 204, description = "Done")))]
async fn visit(visitor: Visitor) -> Result<Reply, ApiError> {
    visitor.admit(async { Ok::<_, ApiError>(()) }).await?;
    Ok(Reply::no_content())
}

/// Parts
#[utoipa::path(get, path = "/api/toys/{id}/parts", params(("id" = u32, Path)),
    responses((status = 200, description = "A toy's parts", body = List<u64>)))]
async fn parts(Id(id): Id<u32>, page: Page) -> Result<Reply, ApiError> {
    let from: u64 = page.position()?.unwrap_or(u64::from(id) * 1000);
    Reply::ok(&page.list(vec![from], Some(from + 1))?)
}

/// Who
#[utoipa::path(get, path = "/api/auth/toy", responses((status = 200, description = "Somebody")))]
async fn who() -> Result<Reply, ApiError> {
    Reply::ok(&json!({}))
}

/// Write
#[utoipa::path(post, path = "/api/notes", responses((status = 204, description = "Done")))]
async fn note(State(toy): State<Toy>, visitor: Visitor) -> Result<Reply, ApiError> {
    visitor.allowed().await?;
    toy.notes.fetch_add(1, Ordering::SeqCst);
    Ok(Reply::no_content())
}

pub(crate) fn family() -> OpenApiRouter<Toy> {
    OpenApiRouter::new()
        .routes(routes!(parts))
        .routes(routes!(who))
        .routes(routes!(note))
        .routes(routes!(list, change))
        .routes(routes!(buy))
        .routes(routes!(administer))
        .routes(routes!(broken))
        .routes(routes!(failing))
        .routes(routes!(hanging))
        .routes(routes!(get))
        .routes(routes!(visit))
}

pub(crate) fn configure(changed: &[(&str, &str)]) -> Result<EdgeConfig, ConfigError> {
    let settings = [
        ("JWT_SECRET", "k1:0123456789abcdef0123456789abcdef"),
        ("CURSOR_SECRET", "0123456789abcdef0123456789abcdef"),
        ("AUTH_DOMAIN", "app.descrow.example"),
        ("CORS_ORIGINS", "https://app.descrow.example"),
    ];
    let settings = settings.iter().chain(changed).map(|(k, v)| ((*k).to_owned(), (*v).to_owned()));
    Config::from_values(settings, EdgeConfig::read)
}

pub(crate) struct Stack {
    pub(crate) db: TestStore,
    edge: Edge,
    pub(crate) app: App,
    /// What was written on the toy route that writes.
    pub(crate) notes: Arc<AtomicUsize>,
}

pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: http::HeaderMap,
    pub(crate) body: Value,
}

impl Answer {
    pub(crate) fn code(&self) -> (u16, &str) {
        (self.status, self.body["code"].as_str().unwrap_or_default())
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map(|v| v.to_str().unwrap()).unwrap_or_default()
    }
}

impl Stack {
    pub(crate) async fn new(changed: &[(&str, &str)]) -> Self {
        let db = TestStore::start().await;
        let store = db.store.clone();
        Self::over(db, store, changed)
    }

    pub(crate) fn over(db: TestStore, store: Store, changed: &[(&str, &str)]) -> Self {
        let edge = Edge::new(configure(changed).unwrap(), store);
        let notes = Arc::<AtomicUsize>::default();
        let toy = Toy { edge: edge.clone(), notes: notes.clone() };
        let app = App::new(edge.clone(), family().with_state(toy).into());
        Self { db, edge, app, notes }
    }

    /// A token of a registered user with a session.
    pub(crate) async fn token(&self, role: Role) -> String {
        let (account, now) = (Account::from_bytes([7; 32]), Timestamp::now());
        let family = uuid::Uuid::now_v7();
        let session = Family::new(family, account, now, now.plus_seconds(60));
        self.db.store.sessions().create_family(&session).await.unwrap();
        let user = sample::user(account, role, now);
        self.db.store.users().create(&user).await.unwrap();
        let subject = Subject { account, role, kyc: user.kyc_status, family, auth_version: 1 };
        self.edge.tokens().issue(&subject, now).unwrap()
    }

    pub(crate) async fn send(&self, method: &str, path: &str, headers: &[(&str, &str)]) -> Answer {
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        let query: serde_json::Map<String, Value> =
            url::form_urlencoded::parse(query.as_bytes()).map(|(k, v)| (k.into_owned(), json!([v]))).collect();
        let headers: serde_json::Map<String, Value> =
            headers.iter().map(|(k, v)| ((*k).to_owned(), json!([v]))).collect();
        let event = json!({
            "resource": path, "path": path, "httpMethod": method, "headers": {}, "multiValueHeaders": headers,
            "queryStringParameters": null, "multiValueQueryStringParameters": query, "pathParameters": null,
            "stageVariables": null, "body": null, "isBase64Encoded": false,
            "requestContext": {"stage": "live", "requestId": "r-1", "httpMethod": method,
                "identity": {"sourceIp": "203.0.113.7"}},
        });
        let response = self.app.serve(lambda_http::request::from_str(&event.to_string()).unwrap()).await;
        let (parts, body) = response.into_parts();
        let body = serde_json::from_slice(&body).unwrap_or(Value::Null);
        Answer { status: parts.status.as_u16(), headers: parts.headers, body }
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send("GET", path, &[]).await
    }
}
