//! The part of a Kubo node's RPC that files need: `add`, `cat`, `pin/add` and `pin/ls`. Commands are `POST`s.

use std::{collections::HashMap, sync::Arc};

use axum::{
    Json, Router,
    extract::{Multipart, Query, State},
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::post,
};
use serde_json::{Value, json};

use super::{Content, keep, named, record, upload};
use crate::{Operation, world::Shared};

/// What a node is told beside the command.
type Arguments = Query<HashMap<String, String>>;

pub(super) fn router() -> Router<Arc<Shared>> {
    Router::new()
        .route("/api/v0/add", post(add))
        .route("/api/v0/cat", post(cat))
        .route("/api/v0/pin/add", post(pin))
        .route("/api/v0/pin/ls", post(list))
}

/// A node's error: whatever it is about, HTTP 500.
fn failed(message: &str) -> Response {
    let body = json!({ "Message": message, "Code": 0, "Type": "error" });
    (StatusCode::INTERNAL_SERVER_ERROR, Json(body)).into_response()
}

/// Whether the file is to be laid out as [`super::cid`] does it, said in words and not by a node's own configuration.
fn laid_out(arguments: &HashMap<String, String>) -> bool {
    [("cid-version", "1"), ("cid-base", "base32"), ("raw-leaves", "true"), ("chunker", "size-262144")]
        .into_iter()
        .all(|(name, value)| arguments.get(name).map(String::as_str) == Some(value))
}

async fn add(State(shared): State<Arc<Shared>>, Query(arguments): Arguments, form: Multipart) -> Response {
    if !laid_out(&arguments) {
        return failed("the sandbox lays files out with cid-version=1, base32, raw leaves and chunks of 262144");
    }
    let Some(upload) = upload(form).await else {
        return (StatusCode::BAD_REQUEST, "file argument 'path' is required").into_response();
    };
    let size = upload.bytes.len().to_string();
    let kept = keep(&shared, upload.bytes, upload.media_type).await;
    record(&shared, Operation::Pin, Some(200));
    match kept {
        Ok((cid, _)) => Json(json!({ "Name": upload.name, "Hash": named(&shared, cid), "Size": size })).into_response(),
        Err(error) => failed(&error.to_string()),
    }
}

fn content(shared: &Shared, arguments: &HashMap<String, String>) -> Option<(String, Content)> {
    let cid = arguments.get("arg")?.trim_start_matches("/ipfs/");
    shared.world().content.get(cid).map(|content| (cid.to_owned(), content.clone()))
}

async fn cat(State(shared): State<Arc<Shared>>, Query(arguments): Arguments) -> Response {
    let response = match content(&shared, &arguments) {
        Some((_, content)) => axum::body::Bytes::from_owner(content.bytes).into_response(),
        // A node would look for it in the network.
        None => failed("block was not found locally (offline)"),
    };
    record(&shared, Operation::Gateway, Some(response.status().as_u16()));
    response
}

async fn pin(State(shared): State<Arc<Shared>>, Query(arguments): Arguments) -> Response {
    match content(&shared, &arguments) {
        Some((cid, _)) => Json(json!({ "Pins": [cid] })).into_response(),
        None => failed("pin: block was not found locally (offline)"),
    }
}

async fn list(State(shared): State<Arc<Shared>>, Query(arguments): Arguments) -> Response {
    let asked = arguments.get("arg").map_or("", String::as_str);
    let response = match content(&shared, &arguments) {
        Some((cid, _)) => {
            let mut keys = serde_json::Map::new();
            keys.insert(cid, json!({ "Type": "recursive" }));
            Json(json!({ "Keys": Value::Object(keys) })).into_response()
        }
        None => failed(&format!("path '{asked}' is not pinned")),
    };
    record(&shared, Operation::PinList, Some(response.status().as_u16()));
    response
}
