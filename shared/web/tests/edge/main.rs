//! What the edge does for every route, on a family of toy routes over a database in this process.

// Helpers of tests stand outside of functions marked as tests, where clippy allows this by itself.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

mod quotas;
mod toys;

use std::time::Duration;

use descrow_domain::{Timestamp, user::Role};
use descrow_web::document;
use serde_json::{Value, json};

use crate::toys::{Stack, configure, family};

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
