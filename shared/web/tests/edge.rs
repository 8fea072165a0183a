//! What the edge does for every route, on a family of toy routes over a database in this process.

// Helpers of tests stand outside of functions marked as tests, where clippy allows this by itself.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use axum::extract::{FromRef, State};
use descrow_domain::{
    Account, Timestamp,
    user::{KycStatus, Role, User},
};
use descrow_platform::{Config, ConfigError};
use descrow_store::{
    Family, Store, Table, Tables,
    testing::{STACK, TestStore},
};
use descrow_web::{
    Admin, ApiError, App, Authenticated, Buyer, Code, Edge, EdgeConfig, Id, Known, List, OpenApiRouter, Page, Reply,
    Seller, Subject, Visitor, document, routes,
};
use serde_json::{Value, json};

#[derive(Clone)]
struct Toy {
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

fn family() -> OpenApiRouter<Toy> {
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

fn configure(changed: &[(&str, &str)]) -> Result<EdgeConfig, ConfigError> {
    let settings = [
        ("JWT_SECRET", "k1:0123456789abcdef0123456789abcdef"),
        ("CURSOR_SECRET", "0123456789abcdef0123456789abcdef"),
        ("AUTH_DOMAIN", "app.descrow.example"),
        ("CORS_ORIGINS", "https://app.descrow.example"),
    ];
    let settings = settings.iter().chain(changed).map(|(k, v)| ((*k).to_owned(), (*v).to_owned()));
    Config::from_values(settings, EdgeConfig::read)
}

struct Stack {
    db: TestStore,
    edge: Edge,
    app: App,
    notes: Arc<AtomicUsize>,
}

struct Answer {
    status: u16,
    headers: http::HeaderMap,
    body: Value,
}

impl Answer {
    fn code(&self) -> (u16, &str) {
        (self.status, self.body["code"].as_str().unwrap_or_default())
    }

    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map(|v| v.to_str().unwrap()).unwrap_or_default()
    }
}

impl Stack {
    async fn new(changed: &[(&str, &str)]) -> Self {
        let db = TestStore::start().await;
        let store = db.store.clone();
        Self::over(db, store, changed)
    }

    fn over(db: TestStore, store: Store, changed: &[(&str, &str)]) -> Self {
        let edge = Edge::new(configure(changed).unwrap(), store);
        let notes = Arc::<AtomicUsize>::default();
        let toy = Toy { edge: edge.clone(), notes: notes.clone() };
        let app = App::new(edge.clone(), family().with_state(toy).into());
        Self { db, edge, app, notes }
    }

    /// A token of a registered user with a session.
    async fn token(&self, role: Role) -> String {
        let (account, now) = (Account::from_bytes([7; 32]), Timestamp::now());
        let family = uuid::Uuid::now_v7();
        let session = Family::new(family, account, now, now.plus_seconds(60));
        self.db.store.sessions().create_family(&session).await.unwrap();
        let user = User {
            id: account,
            role,
            kyc_status: KycStatus::Pending,
            phone: None,
            display_name: None,
            email: None,
            kyc: None,
            auth_version: 1,
            created_at: now,
            updated_at: now,
        };
        self.db.store.users().create(&user).await.unwrap();
        let subject = Subject { account, role, kyc: user.kyc_status, family, auth_version: 1 };
        self.edge.tokens().issue(&subject, now).unwrap()
    }

    async fn send(&self, method: &str, path: &str, headers: &[(&str, &str)]) -> Answer {
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

    async fn get(&self, path: &str) -> Answer {
        self.send("GET", path, &[]).await
    }
}

#[tokio::test]
async fn a_panic_costs_its_own_request_only_and_says_nothing() {
    let stack = Stack::new(&[]).await;
    let answer = stack.get("/api/toys/broken").await;
    assert_eq!(answer.code(), (500, "internal_error"));
    assert!(!answer.body.to_string().contains("hunter2"));
    assert_eq!(stack.get("/api/toys").await.status, 200);
}

#[tokio::test]
async fn a_failure_of_another_service_is_named_without_its_words() {
    let stack = Stack::new(&[]).await;
    let answer = stack.get("/api/toys/failing").await;
    assert_eq!(answer.code(), (502, "payment_service_error"));
    assert_eq!(answer.body["error"], "Payment service error");
    assert_eq!(answer.body["requestId"], "r-1");
    assert_eq!(answer.header("x-request-id"), "r-1");
    assert!(!answer.body.to_string().contains("hunter2"));
}

#[tokio::test]
async fn an_overrun_is_answered_while_there_is_time_to_answer() {
    let stack = Stack::new(&[]).await;
    let context = lambda_http::Context::default();
    let deadline = Timestamp::now().plus_seconds(1).0;
    let context = {
        let mut context = context;
        context.deadline = u64::try_from(deadline).unwrap();
        context
    };
    let request = http::Request::get("/api/toys/hanging").body(lambda_http::Body::Empty).unwrap();
    let request = lambda_http::RequestExt::with_lambda_context(request, context);
    let response = tokio::time::timeout(Duration::from_secs(1), stack.app.serve(request)).await.unwrap();
    let body: Value = serde_json::from_slice(response.body()).unwrap();
    assert_eq!((response.status().as_u16(), &body["code"]), (504, &json!("deadline_passed")));
}

#[tokio::test]
async fn unknown_paths_and_methods_have_the_shape_the_client_asked_for() {
    let stack = Stack::new(&[]).await;
    let plain = stack.get("/api/nothing").await;
    assert_eq!(plain.code(), (404, "not_found"));
    assert_eq!(plain.header("content-type"), "application/json");
    let problem = stack.send("DELETE", "/api/toys", &[("Accept", "application/problem+json, */*")]).await;
    assert_eq!(problem.code(), (405, "method_not_allowed"));
    assert_eq!(problem.header("content-type"), "application/problem+json");
    assert_eq!(problem.body["type"], "urn:descrow:error:method_not_allowed");
    assert_eq!(problem.header("allow"), "GET,HEAD,POST");
    assert_eq!(stack.get("/api/toys/x").await.code(), (404, "not_found"));
}

#[tokio::test]
async fn a_quota_is_counted_by_address_and_account_and_shown() {
    let stack = Stack::new(&[("RATE_LIMIT_IP", "3/900"), ("RATE_LIMIT_ACCOUNT", "2/900")]).await;
    let token = format!("Bearer {}", stack.token(Role::Seller).await);
    let headers = [("Authorization", token.as_str())];
    let first = stack.send("POST", "/api/toys", &headers).await;
    assert_eq!(first.status, 204, "{}", first.body);
    assert_eq!(first.header("ratelimit-policy"), "\"ip\";q=3;w=900, \"account\";q=2;w=900");
    assert!(first.header("ratelimit").starts_with("\"ip\";r=2;t="), "{}", first.header("ratelimit"));
    assert_eq!(stack.send("POST", "/api/toys", &headers).await.status, 204);
    let over = stack.send("POST", "/api/toys", &headers).await;
    assert_eq!(over.code(), (429, "rate_limited"), "the account's quota");
    let wait: u64 = over.header("retry-after").parse().unwrap();
    assert!((1..=900).contains(&wait), "{wait}");
    assert_eq!(stack.get("/api/toys").await.code(), (429, "rate_limited"), "the address's quota");
    assert_eq!(stack.get("/health-of-nobody").await.status, 404, "what is no route is not counted");
}

#[tokio::test]
async fn a_request_that_was_refused_before_it_changed_anything_counts_too() {
    let stack = Stack::new(&[("RATE_LIMIT_IP", "1/900")]).await;
    assert_eq!(stack.send("POST", "/api/toys", &[]).await.code(), (401, "missing_token"));
    assert_eq!(stack.send("POST", "/api/toys", &[]).await.code(), (429, "rate_limited"));
}

#[tokio::test]
async fn the_admin_routes_have_a_quota_of_their_own() {
    let stack = Stack::new(&[("RATE_LIMIT_ADMIN", "1/300")]).await;
    let token = format!("Bearer {}", stack.token(Role::Admin).await);
    let headers = [("Authorization", token.as_str())];
    let first = stack.send("GET", "/api/admin/toys", &headers).await;
    assert_eq!(
        (first.status, first.header("ratelimit-policy").split(',').next().unwrap()),
        (200, "\"admin\";q=1;w=300")
    );
    assert_eq!(stack.send("GET", "/api/admin/toys", &headers).await.code(), (429, "rate_limited"));
    assert_eq!(stack.send("GET", "/api/toys", &headers).await.status, 200);
}

#[tokio::test]
async fn without_counters_reads_go_on_and_changes_stop() {
    let db = TestStore::start().await;
    let names = [("TABLE_USERS", "test-users"), ("TABLE_SESSIONS", "test-sessions")];
    let names = names.map(|(k, v)| (k.to_owned(), v.to_owned()));
    let tables = Config::from_values(names, |c| Tables::from_config(c, &[Table::Users, Table::Sessions])).unwrap();
    let store = Store::new(db.client.clone(), tables);
    let stack = Stack::over(db, store, &[]);
    let token = format!("Bearer {}", stack.token(Role::Seller).await);
    let headers = [("Authorization", token.as_str())];
    assert_eq!(stack.get("/api/toys").await.status, 200);
    let changes = [("POST", "/api/toys"), ("POST", "/api/visits"), ("POST", "/api/notes")];
    let closed = [("GET", "/api/auth/toy"), ("GET", "/api/admin/toys")];
    for (method, path) in changes.into_iter().chain(closed) {
        let answer = stack.send(method, path, &headers).await;
        assert_eq!(answer.code(), (503, "service_unavailable"), "{path}");
        assert_eq!(answer.header("retry-after"), "1");
    }
    assert_eq!(stack.notes.load(Ordering::SeqCst), 0);
}

/// A store whose database takes requests and never answers one.
async fn silent(db: &TestStore) -> (tokio::net::TcpListener, Store) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let config = db.client.config().to_builder().endpoint_url(endpoint).build();
    (listener, Store::new(descrow_store::Client::from_conf(config), Tables::of_stack(STACK)))
}

#[tokio::test]
async fn counters_that_never_answer_hold_a_read_up_for_a_moment_only() {
    let db = TestStore::start().await;
    let (_listener, store) = silent(&db).await;
    let stack = Stack::over(db, store, &[]);
    let answer = stack.get("/api/toys").await;
    assert_eq!((answer.status, answer.header("ratelimit")), (200, ""), "what is left of the quota is not known");
}

#[tokio::test]
async fn a_request_beyond_its_quota_is_not_worked_on() {
    let stack = Stack::new(&[("RATE_LIMIT_IP", "1/900")]).await;
    assert_eq!(stack.send("POST", "/api/notes", &[]).await.status, 204);
    let over = stack.send("POST", "/api/notes", &[]).await;
    assert_eq!((over.code(), stack.notes.load(Ordering::SeqCst)), ((429, "rate_limited"), 1));
    let hanging = stack.get("/api/toys/hanging").await;
    assert_eq!(hanging.code(), (429, "rate_limited"), "nobody waits for an answer that is not given");
    assert!(hanging.header("ratelimit").starts_with("\"ip\";r=0;t="), "{}", hanging.header("ratelimit"));
}

#[tokio::test]
async fn a_role_opens_its_own_doors_only() {
    let expected = [
        (Role::Buyer, [(403, "wrong_role"), (204, ""), (403, "wrong_role")]),
        (Role::Seller, [(204, ""), (204, ""), (403, "wrong_role")]),
        (Role::Admin, [(403, "wrong_role"), (403, "wrong_role"), (200, "")]),
    ];
    for (role, answers) in expected {
        let stack = Stack::new(&[]).await;
        let token = format!("Bearer {}", stack.token(role).await);
        let doors = [("POST", "/api/toys"), ("POST", "/api/toys/1/buy"), ("GET", "/api/admin/toys")];
        for ((method, path), expected) in doors.into_iter().zip(answers) {
            let answer = stack.send(method, path, &[("Authorization", &token)]).await;
            assert_eq!(answer.code(), expected, "{role:?} {path}");
        }
    }
}

#[tokio::test]
async fn an_authenticated_read_and_a_change_cost_one_round_trip_each_before_they_write() {
    let stack = Stack::new(&[]).await;
    let token = format!("Bearer {}", stack.token(Role::Seller).await);
    stack.db.trips.take();
    stack.send("GET", "/api/toys", &[("Authorization", &token)]).await;
    assert_eq!(stack.db.trips.take(), 1);
    stack.send("POST", "/api/toys", &[("Authorization", &token)]).await;
    assert_eq!((stack.db.trips.requests(), stack.db.trips.take()), (3, 1), "two counters and the session, at once");
}

#[tokio::test]
async fn a_list_is_walked_by_cursors_that_fit_no_other_list() {
    let stack = Stack::new(&[]).await;
    let (mut seen, mut cursor) = (Vec::new(), String::new());
    loop {
        let answer = stack.get(&format!("/api/toys?limit=20{cursor}")).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        seen.extend(answer.body["items"].as_array().unwrap().iter().map(|n| n.as_u64().unwrap()));
        match answer.body["nextCursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    assert_eq!(seen, (0..60).collect::<Vec<_>>());

    let next = stack.get("/api/toys").await.body["nextCursor"].as_str().unwrap().to_owned();
    let token = format!("Bearer {}", stack.token(Role::Buyer).await);
    let path = format!("/api/toys?cursor={next}");
    let other = stack.send("GET", &path, &[("Authorization", &token)]).await;
    assert_eq!(other.code(), (400, "invalid_cursor"), "another user's list");
    let parts = stack.get("/api/toys/1/parts").await.body;
    let of_one = parts["nextCursor"].as_str().unwrap();
    assert_eq!(stack.get(&format!("/api/toys/1/parts?cursor={of_one}")).await.body["items"], json!([1001]));
    let crossed = stack.get(&format!("/api/toys/2/parts?cursor={of_one}")).await;
    assert_eq!(crossed.code(), (400, "invalid_cursor"), "another toy's parts");
    let bent = format!("/api/toys?cursor=A{}", &next[1..]);
    assert_eq!(stack.get(&bent).await.code(), (400, "invalid_cursor"));
    let wrong = stack.get("/api/toys?limit=0&colour=red&cursor=x&limit=3").await;
    assert_eq!(wrong.code(), (400, "validation_failed"));
    let fields: Vec<_> = wrong.body["details"].as_array().unwrap().iter().map(|d| d["field"].clone()).collect();
    assert_eq!(fields, ["colour"], "the last limit counts where API Gateway merges them");
}

#[tokio::test]
async fn what_the_client_has_is_not_sent_again() {
    let stack = Stack::new(&[]).await;
    let first = stack.get("/api/toys/7").await;
    assert_eq!((first.status, first.header("cache-control")), (200, "public, max-age=300"));
    let again = stack.send("GET", "/api/toys/7", &[("If-None-Match", first.header("etag"))]).await;
    assert_eq!((again.status, again.body), (304, Value::Null));
}

#[tokio::test]
async fn an_answer_of_a_known_origin_can_be_read_by_its_scripts() {
    let stack = Stack::new(&[]).await;
    let ours = stack.send("GET", "/api/toys/x", &[("Origin", "https://app.descrow.example")]).await;
    assert_eq!(ours.header("access-control-allow-origin"), "https://app.descrow.example");
    let foreign = stack.send("GET", "/api/toys/x", &[("Origin", "https://evil.example")]).await;
    assert_eq!(foreign.header("access-control-allow-origin"), "");
}

#[test]
fn bad_settings_are_all_named() {
    let bad = [("JWT_SECRET", "hunter2"), ("JWT_EXPIRES_IN", "5"), ("CORS_ORIGINS", "*"), ("RATE_LIMIT_IP", "many")];
    let error = configure(&bad).err().unwrap().to_string();
    for (name, _) in bad {
        assert!(error.contains(name), "{error}");
    }
    assert!(!error.contains("hunter2"));
}

#[test]
fn the_document_lists_what_the_router_has_with_every_error() {
    let openapi = family().into_openapi();
    let routes = document::routes(&openapi);
    assert_eq!(routes.len(), 12);
    assert!(routes.contains(&("POST".to_owned(), "/api/toys/{id}/buy".to_owned())));
    let whole: Value = serde_json::from_str(&document::complete([openapi]).unwrap()).unwrap();
    assert_eq!(whole["openapi"], "3.1.0");
    let buy = &whole["paths"]["/api/toys/{id}/buy"]["post"]["responses"];
    let mut statuses: Vec<_> = buy.as_object().unwrap().keys().map(String::as_str).collect();
    statuses.sort_unstable();
    assert_eq!(statuses, ["204", "401", "403", "404", "429", "431", "500", "503", "504"]);
    let revoked = "missing_token.invalid_token.token_expired.session_revoked.session_outdated";
    assert_eq!(buy["401"]["$ref"], format!("#/components/responses/401.{revoked}"));
    assert_eq!(whole["paths"]["/api/toys/{id}/buy"]["post"]["x-descrow-roles"], json!(["buyer", "seller"]));
    let shapes = &whole["components"]["responses"]["429.rate_limited"]["content"];
    assert_eq!(shapes["application/json"]["examples"]["rate_limited"]["$ref"], "#/components/examples/rate_limited");
    let problem = &whole["components"]["examples"]["rate_limited.problem"]["value"];
    assert_eq!((&problem["code"], &problem["status"]), (&json!("rate_limited"), &json!(429)));
    let list = &whole["paths"]["/api/toys"]["get"];
    assert_eq!(list["security"], json!([{}, {"token": []}]), "a token may be left out");
    let taken: Vec<_> = list["parameters"].as_array().unwrap().iter().map(|p| p["name"].clone()).collect();
    assert_eq!(taken, ["cursor", "limit"]);
}
