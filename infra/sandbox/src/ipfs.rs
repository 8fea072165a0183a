//! Pinata's pinning API, a Kubo node's `add`, and a gateway over one content-addressed store.

use std::{collections::HashMap, path::Path, sync::Arc, time::Duration};

use axum::{
    Router,
    extract::{DefaultBodyLimit, Multipart, Path as UrlPath, State},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use descrow_domain::Timestamp;
use descrow_ipfs::ContentId;
use serde_json::{Value, json};

use crate::{
    Behaviour, Operation,
    behaviour::Stage,
    daraja::lost_connection,
    journal::{Request, now},
    world::Shared,
};

/// The token that the simulated Pinata takes.
pub const JWT: &str = "descrow-sandbox-pinata-jwt";
/// The largest upload.
const UPLOAD_MAX: usize = 64 * 1024 * 1024;

/// A pinned file.
#[derive(Clone, Debug)]
pub(crate) struct Content {
    bytes: Arc<[u8]>,
    media_type: String,
}

pub(crate) fn router(shared: Arc<Shared>) -> Router {
    Router::new()
        .route("/pinning/pinFileToIPFS", post(pin))
        .route("/data/testAuthentication", get(test_authentication))
        .route("/api/v0/add", post(add))
        .route("/ipfs/{cid}", get(read))
        .layer(DefaultBodyLimit::max(UPLOAD_MAX))
        .with_state(shared)
}

/// Files kept by an earlier run: the file's name is its CID, and what does not hash to its name is left out.
pub(crate) fn load(directory: &Path) -> std::io::Result<HashMap<String, Content>> {
    std::fs::create_dir_all(directory)?;
    let mut kept = HashMap::new();
    for entry in std::fs::read_dir(directory)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.parse::<ContentId>().is_ok() {
            let bytes = std::fs::read(entry.path())?;
            if ContentId::of(&bytes).to_string() == name {
                kept.insert(name, Content { bytes: bytes.into(), media_type: "application/octet-stream".into() });
            }
        }
    }
    Ok(kept)
}

/// Pinata's shape of an error.
fn pinata_error(status: u16, reason: &str, details: &str) -> Response {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    (status, axum::Json(json!({ "error": { "reason": reason, "details": details } }))).into_response()
}

fn authenticated(headers: &HeaderMap) -> bool {
    let given =
        headers.get(header::AUTHORIZATION).and_then(|v| v.to_str().ok()).and_then(|v| v.strip_prefix("Bearer "));
    given == Some(JWT)
}

fn unauthenticated() -> Response {
    pinata_error(401, "INVALID_CREDENTIALS", "Invalid/expired credentials")
}

async fn test_authentication(headers: HeaderMap) -> Response {
    if !authenticated(&headers) {
        return unauthenticated();
    }
    axum::Json(json!({ "message": "Congratulations! You are communicating with the Pinata API!" })).into_response()
}

/// What was uploaded.
struct Upload {
    bytes: Vec<u8>,
    media_type: String,
    name: String,
    options: Option<Value>,
}

async fn upload(mut form: Multipart) -> Option<Upload> {
    let (mut file, mut options) = (None, None);
    while let Some(field) = form.next_field().await.ok()? {
        match field.name() {
            Some("file") => {
                let media_type = field.content_type().unwrap_or("application/octet-stream").to_owned();
                let name = field.file_name()?.to_owned();
                file = Some((field.bytes().await.ok()?.to_vec(), media_type, name));
            }
            Some("pinataOptions") => options = Some(serde_json::from_str(&field.text().await.ok()?).ok()?),
            // Metadata must be JSON; what it says is Pinata's own.
            Some("pinataMetadata") => {
                serde_json::from_str::<Value>(&field.text().await.ok()?).ok()?;
            }
            _ => {}
        }
    }
    let (bytes, media_type, name) = file?;
    Some(Upload { bytes, media_type, name, options })
}

async fn pin(State(shared): State<Arc<Shared>>, headers: HeaderMap, form: Multipart) -> Response {
    let before = shared.take(Stage::Before, Operation::Pin, None);
    let response = match &before {
        Some(Behaviour::Hang { ms }) => lost_connection(Duration::from_millis(*ms)).await,
        Some(Behaviour::Error { status, code, message }) => pinata_error(*status, code, message),
        _ if authenticated(&headers) => pinned(&shared, form).await,
        _ => unauthenticated(),
    };
    let lost = before == Some(Behaviour::LoseAnswer);
    record(&shared, Operation::Pin, if lost { None } else { Some(response.status().as_u16()) });
    if lost { lost_connection(Duration::ZERO).await } else { response }
}

async fn pinned(shared: &Shared, form: Multipart) -> Response {
    let Some(upload) = upload(form).await else {
        return pinata_error(400, "INVALID_FILE", "The request has no readable field `file`");
    };
    // Only CIDv1 is spoken here; Pinata's default of old is version 0.
    if upload.options.as_ref().and_then(|o| o.get("cidVersion")) != Some(&json!(1)) {
        return pinata_error(400, "UNSUPPORTED", "pinataOptions.cidVersion must be 1 in the sandbox");
    }
    let size = upload.bytes.len();
    let (cid, duplicate) = match keep(shared, upload.bytes, upload.media_type).await {
        Ok(kept) => kept,
        Err(error) => return pinata_error(500, "INTERNAL", &error.to_string()),
    };
    let body = json!({ "IpfsHash": named(shared, cid), "PinSize": size, "Timestamp": Timestamp::now().rfc3339(), "isDuplicate": duplicate });
    axum::Json(body).into_response()
}

/// `POST /api/v0/add` of a Kubo node.
async fn add(State(shared): State<Arc<Shared>>, form: Multipart) -> Response {
    let Some(upload) = upload(form).await else {
        return (StatusCode::BAD_REQUEST, "file argument 'path' is required").into_response();
    };
    let size = upload.bytes.len().to_string();
    let kept = keep(&shared, upload.bytes, upload.media_type).await;
    record(&shared, Operation::Pin, Some(200));
    match kept {
        Ok((cid, _)) => {
            axum::Json(json!({ "Name": upload.name, "Hash": named(&shared, cid), "Size": size })).into_response()
        }
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response(),
    }
}

/// Stores content under its CID; says whether it was there before.
async fn keep(shared: &Shared, bytes: Vec<u8>, media_type: String) -> std::io::Result<(ContentId, bool)> {
    let cid = ContentId::of(&bytes);
    if let Some(directory) = &shared.data {
        tokio::fs::write(directory.join(cid.to_string()), &bytes).await?;
    }
    let content = Content { bytes: bytes.into(), media_type };
    let duplicate = shared.world().content.insert(cid.to_string(), content).is_some();
    Ok((cid, duplicate))
}

fn named(shared: &Shared, cid: ContentId) -> String {
    match shared.take(Stage::Content, Operation::Pin, None) {
        Some(Behaviour::WrongCid) => ContentId::of(b"another file").to_string(),
        _ => cid.to_string(),
    }
}

async fn read(State(shared): State<Arc<Shared>>, UrlPath(cid): UrlPath<String>) -> Response {
    let before = shared.take(Stage::Before, Operation::Gateway, None);
    if let Some(Behaviour::Hang { ms }) = before {
        return lost_connection(Duration::from_millis(ms)).await;
    }
    let odd = shared.take(Stage::Content, Operation::Gateway, None);
    let content = shared.world().content.get(&cid).cloned();
    let response = match (content, odd) {
        (Some(_), Some(Behaviour::Corrupt)) => "corrupt".into_response(),
        (Some(_), Some(Behaviour::Missing)) | (None, _) => {
            (StatusCode::NOT_FOUND, "ipfs resolve: not found").into_response()
        }
        (Some(content), _) => {
            let headers = [
                (header::CONTENT_TYPE, content.media_type.clone()),
                (header::CACHE_CONTROL, "public, max-age=29030400, immutable".to_owned()),
                (header::ETAG, format!("\"{cid}\"")),
            ];
            (headers, axum::body::Bytes::from_owner(content.bytes)).into_response()
        }
    };
    record(&shared, Operation::Gateway, Some(response.status().as_u16()));
    response
}

fn record(shared: &Shared, operation: Operation, status: Option<u16>) {
    let outcome = if status == Some(200) { "accepted" } else { "refused" };
    let entry = Request { at: now(), operation, phone: None, status, outcome: outcome.into(), body: Value::Null };
    shared.world().journal.requests.push(entry);
}
