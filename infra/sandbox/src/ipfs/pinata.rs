//! Pinata's pinning API.

use std::{collections::HashMap, sync::Arc};

use axum::{
    Router,
    extract::{Multipart, Query, State},
    http::{HeaderMap, header},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use descrow_domain::Timestamp;
use serde_json::{Value, json};

use super::{keep, named, upload};
use crate::{
    Operation,
    answer::json_answer,
    door::{Answered, Dialect, serve},
    world::Shared,
};

/// The token that the simulated Pinata takes.
pub const JWT: &str = "descrow-sandbox-pinata-jwt";
/// The key that it takes instead, with [`API_SECRET`].
pub const API_KEY: &str = "descrow-sandbox-pinata-key";
/// The secret of [`API_KEY`].
pub const API_SECRET: &str = "descrow-sandbox-pinata-secret";

pub(super) fn router() -> Router<Arc<Shared>> {
    Router::new()
        .route("/pinning/pinFileToIPFS", post(pin))
        .route("/data/pinList", get(list))
        .route("/data/testAuthentication", get(test_authentication))
}

const DIALECT: Dialect = Dialect { error, refused: |_| unauthenticated() };

/// Pinata's shape of an error.
fn error(status: u16, reason: &str, details: &str) -> Response {
    json_answer(status, &json!({ "error": { "reason": reason, "details": details } }))
}

fn refused(status: u16, reason: &str, details: &str) -> Answered {
    Answered::new(error(status, reason, details), reason)
}

fn authenticated(headers: &HeaderMap) -> bool {
    let given = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    match given(header::AUTHORIZATION.as_str()) {
        Some(token) => token.strip_prefix("Bearer ") == Some(JWT),
        None => (given("pinata_api_key"), given("pinata_secret_api_key")) == (Some(API_KEY), Some(API_SECRET)),
    }
}

fn unauthenticated() -> Answered {
    refused(401, "INVALID_CREDENTIALS", "Invalid/expired credentials")
}

/// Not an operation: no rule and no journal knows it.
async fn test_authentication(headers: HeaderMap) -> Response {
    if !authenticated(&headers) {
        return unauthenticated().response;
    }
    axum::Json(json!({ "message": "Congratulations! You are communicating with the Pinata API!" })).into_response()
}

/// `GET /data/pinList`, of its filters `hashContains` alone: what is pinned stays so here.
async fn list(
    State(shared): State<Arc<Shared>>,
    headers: HeaderMap,
    Query(filter): Query<HashMap<String, String>>,
) -> Response {
    let processed = async {
        if !authenticated(&headers) {
            return unauthenticated();
        }
        let part = filter.get("hashContains").map_or("", String::as_str);
        let world = shared.world();
        let rows: Vec<Value> = world
            .content
            .iter()
            .filter(|(cid, _)| cid.contains(part))
            .map(|(cid, content)| json!({ "ipfs_pin_hash": cid, "size": content.bytes.len(), "date_unpinned": null }))
            .collect();
        Answered::accepted(json_answer(200, &json!({ "rows": rows })))
    };
    serve(&shared, Operation::PinList, DIALECT, processed).await
}

async fn pin(State(shared): State<Arc<Shared>>, headers: HeaderMap, form: Multipart) -> Response {
    let processed = async { if authenticated(&headers) { pinned(&shared, form).await } else { unauthenticated() } };
    serve(&shared, Operation::Pin, DIALECT, processed).await
}

async fn pinned(shared: &Shared, form: Multipart) -> Answered {
    let Some(upload) = upload(form).await else {
        return refused(400, "INVALID_FILE", "The request has no readable field `file`");
    };
    // Only CIDv1 is spoken here; Pinata's default of old is version 0.
    if upload.options.as_ref().and_then(|o| o.get("cidVersion")) != Some(&json!(1)) {
        return refused(400, "UNSUPPORTED", "pinataOptions.cidVersion must be 1 in the sandbox");
    }
    let size = upload.bytes.len();
    let (cid, duplicate) = match keep(shared, upload.bytes, upload.media_type).await {
        Ok(kept) => kept,
        Err(error) => return refused(500, "INTERNAL", &error.to_string()),
    };
    let body = json!({ "IpfsHash": named(shared, cid), "PinSize": size, "Timestamp": Timestamp::now().rfc3339(), "isDuplicate": duplicate });
    Answered::accepted(json_answer(200, &body))
}
