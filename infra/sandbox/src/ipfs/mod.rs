//! One content-addressed store behind three doors: Pinata's pinning API, a Kubo node's RPC, and a gateway.

mod cid;
mod kubo;
mod pinata;

use std::{collections::HashMap, path::Path, sync::Arc};

use axum::{
    Router,
    extract::{DefaultBodyLimit, Multipart, Path as UrlPath, State},
    http::header,
    response::{IntoResponse, Response},
    routing::get,
};
use serde_json::Value;

use crate::{
    Behaviour, Operation,
    answer::text,
    behaviour::Stage,
    door::{Answered, Dialect, serve},
    world::Shared,
};

pub use pinata::{API_KEY, API_SECRET, JWT};

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
        .route("/ipfs/{cid}", get(read))
        .merge(pinata::router())
        .merge(kubo::router())
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
        let bytes = std::fs::read(entry.path())?;
        if cid::of(&bytes) == name {
            kept.insert(name, Content { bytes: bytes.into(), media_type: "application/octet-stream".into() });
        }
    }
    Ok(kept)
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

/// Stores content under its CID; says whether it was there before.
async fn keep(shared: &Shared, bytes: Vec<u8>, media_type: String) -> std::io::Result<(String, bool)> {
    let cid = cid::of(&bytes);
    if let Some(directory) = &shared.data {
        tokio::fs::write(directory.join(&cid), &bytes).await?;
    }
    let content = Content { bytes: bytes.into(), media_type };
    let duplicate = shared.world().content.insert(cid.clone(), content).is_some();
    Ok((cid, duplicate))
}

/// The CID as the answer names it.
fn named(shared: &Shared, cid: String) -> String {
    match shared.take(Stage::Naming, Operation::Pin, None) {
        Some(Behaviour::WrongCid) => cid::of(b"another file"),
        _ => cid,
    }
}

/// What a door to the store has of a file, and how it is read this time; `None` where it is not found.
fn read_as(shared: &Shared, cid: &str) -> Option<Content> {
    let odd = shared.take(Stage::Reading, Operation::Gateway, None);
    let content = shared.world().content.get(cid).cloned()?;
    match odd {
        Some(Behaviour::Missing) => None,
        Some(Behaviour::Corrupt) => Some(Content { bytes: Arc::from(b"corrupt".as_slice()), ..content }),
        _ => Some(content),
    }
}

/// A gateway says what is wrong in plain words.
const DIALECT: Dialect = Dialect {
    error: |status, _, message| text(status, message),
    refused: |_| Answered::new(text(401, "Unauthorized"), "unauthorised"),
};

async fn read(State(shared): State<Arc<Shared>>, UrlPath(cid): UrlPath<String>) -> Response {
    let processed = async {
        let Some(content) = read_as(&shared, &cid) else {
            return Answered::new(text(404, "ipfs resolve: not found"), "not found");
        };
        let headers = [
            (header::CONTENT_TYPE, content.media_type),
            (header::CACHE_CONTROL, "public, max-age=29030400, immutable".to_owned()),
            (header::ETAG, format!("\"{cid}\"")),
        ];
        Answered::accepted((headers, axum::body::Bytes::from_owner(content.bytes)).into_response())
    };
    serve(&shared, Operation::Gateway, DIALECT, processed).await
}
