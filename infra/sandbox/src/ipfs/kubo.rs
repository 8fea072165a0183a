//! The part of a Kubo node's RPC that files need: `add`, `cat`, `pin/add` and `pin/ls`. Commands are `POST`s.

use std::{collections::HashMap, future::Future, sync::Arc};

use axum::{
    Router,
    extract::{Multipart, Query, State},
    http::{HeaderMap, header},
    response::{IntoResponse, Response},
    routing::post,
};
use serde_json::{Value, json};

use super::{keep, named, read_as, upload};
use crate::{
    Operation,
    answer::{json_answer, text},
    door::{Answered, Dialect, serve},
    world::Shared,
};

/// What a node is told beside the command.
type Arguments = Query<HashMap<String, String>>;

const DIALECT: Dialect = Dialect { error: |status, _, message| error(status, message), refused: |_| denied() };

pub(super) fn router() -> Router<Arc<Shared>> {
    Router::new()
        .route("/api/v0/add", post(add))
        .route("/api/v0/cat", post(cat))
        .route("/api/v0/pin/add", post(pin))
        .route("/api/v0/pin/ls", post(list))
}

fn error(status: u16, message: &str) -> Response {
    json_answer(status, &json!({ "Message": message, "Code": 0, "Type": "error" }))
}

/// A node's error: whatever it is about, HTTP 500.
fn failed(message: &str) -> Answered {
    Answered::new(error(500, message), "failed")
}

/// What a node says to whom its `API.Authorizations` does not know.
fn denied() -> Answered {
    let words = "Kubo RPC Access Denied: Please provide a valid authorization token as defined in the API.Authorizations \
                 configuration.";
    Answered::new(text(403, words), "access denied")
}

/// Runs a command for those whom the node obeys.
async fn command(
    shared: &Shared,
    operation: Operation,
    headers: &HeaderMap,
    processed: impl Future<Output = Answered>,
) -> Response {
    let token =
        headers.get(header::AUTHORIZATION).and_then(|v| v.to_str().ok()).and_then(|v| v.strip_prefix("Bearer "));
    let permitted = async {
        let obeyed = shared.world().settings.kubo_token.as_deref().is_none_or(|wanted| token == Some(wanted));
        if obeyed { processed.await } else { denied() }
    };
    serve(shared, operation, DIALECT, permitted).await
}

/// Whether the file is to be laid out as [`super::cid`] does it, said in words and not by a node's own configuration.
fn laid_out(arguments: &HashMap<String, String>) -> bool {
    [("cid-version", "1"), ("cid-base", "base32"), ("raw-leaves", "true"), ("chunker", "size-262144")]
        .into_iter()
        .all(|(name, value)| arguments.get(name).map(String::as_str) == Some(value))
}

async fn add(
    State(shared): State<Arc<Shared>>,
    headers: HeaderMap,
    Query(arguments): Arguments,
    form: Multipart,
) -> Response {
    command(&shared, Operation::Pin, &headers, Box::pin(added(&shared, &arguments, form))).await
}

async fn added(shared: &Shared, arguments: &HashMap<String, String>, form: Multipart) -> Answered {
    if !laid_out(arguments) {
        return failed("the sandbox lays files out with cid-version=1, base32, raw leaves and chunks of 262144");
    }
    let Some(upload) = upload(form).await else {
        return Answered::new(text(400, "file argument 'path' is required"), "no file");
    };
    let size = upload.bytes.len().to_string();
    match keep(shared, upload.bytes, upload.media_type).await {
        Ok((cid, _)) => {
            let body = json!({ "Name": upload.name, "Hash": named(shared, cid), "Size": size });
            Answered::accepted(json_answer(200, &body))
        }
        Err(error) => failed(&error.to_string()),
    }
}

/// The content that a command is about.
fn asked(arguments: &HashMap<String, String>) -> &str {
    arguments.get("arg").map_or("", |path| path.trim_start_matches("/ipfs/"))
}

/// Whether the node has it, which pins all it has.
fn has(shared: &Shared, cid: &str) -> bool {
    shared.world().content.contains_key(cid)
}

async fn cat(State(shared): State<Arc<Shared>>, headers: HeaderMap, Query(arguments): Arguments) -> Response {
    let processed = async {
        match read_as(&shared, asked(&arguments)) {
            Some(content) => Answered::accepted(axum::body::Bytes::from_owner(content.bytes).into_response()),
            // A node would look for it in the network.
            None => failed("block was not found locally (offline)"),
        }
    };
    command(&shared, Operation::Gateway, &headers, processed).await
}

async fn pin(State(shared): State<Arc<Shared>>, headers: HeaderMap, Query(arguments): Arguments) -> Response {
    let processed = async {
        let cid = asked(&arguments);
        if has(&shared, cid) {
            Answered::accepted(json_answer(200, &json!({ "Pins": [cid] })))
        } else {
            failed("pin: block was not found locally (offline)")
        }
    };
    command(&shared, Operation::Pin, &headers, processed).await
}

async fn list(State(shared): State<Arc<Shared>>, headers: HeaderMap, Query(arguments): Arguments) -> Response {
    let processed = async {
        let cid = asked(&arguments);
        if has(&shared, cid) {
            let mut keys = serde_json::Map::new();
            keys.insert(cid.to_owned(), json!({ "Type": "recursive" }));
            Answered::accepted(json_answer(200, &json!({ "Keys": Value::Object(keys) })))
        } else {
            failed(&format!("path '{cid}' is not pinned"))
        }
    };
    command(&shared, Operation::PinList, &headers, processed).await
}
