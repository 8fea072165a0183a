//! Quotas: what they count, what is done beyond them, and without their counters.

use std::sync::atomic::Ordering;

use descrow_domain::user::Role;
use descrow_platform::Config;
use descrow_store::{
    Store, Table, Tables,
    testing::{STACK, TestStore},
};

use crate::toys::Stack;

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
async fn an_authenticated_read_and_a_change_cost_one_round_trip_each_before_they_write() {
    let stack = Stack::new(&[]).await;
    let token = format!("Bearer {}", stack.token(Role::Seller).await);
    stack.db.trips.take();
    stack.send("GET", "/api/toys", &[("Authorization", &token)]).await;
    assert_eq!(stack.db.trips.take(), 1);
    stack.send("POST", "/api/toys", &[("Authorization", &token)]).await;
    assert_eq!((stack.db.trips.requests(), stack.db.trips.take()), (3, 1), "two counters and the session, at once");
}
