//! `GET /openapi.json` and `GET /asyncapi.json`.

use descrow_web::{
    ApiError, Known, Reply,
    document::{ASYNCAPI, PUBLISHED},
};

/// Seconds for which clients may keep the document.
const KEEP: u32 = 300;

/// Read this document
#[utoipa::path(get, path = "/openapi.json", tag = "operations", operation_id = "openapi",
    responses(
        (status = 200, description = "The OpenAPI 3.1 document", body = serde_json::Value, example = json!({"openapi": "3.1.0", "info": {"title": "Descrow", "version": "0.1.0"}, "paths": {}})),
        (status = 304, description = "The client has it already")))]
pub(crate) async fn document(known: Known) -> Result<Reply, ApiError> {
    Ok(known.public(Reply::json_text(PUBLISHED), KEEP))
}

/// Read the document of the WebSocket
#[utoipa::path(get, path = "/asyncapi.json", tag = "operations", operation_id = "asyncapi",
    responses(
        (status = 200, description = "The AsyncAPI 3 document", body = serde_json::Value, example = json!({"asyncapi": "3.0.0", "info": {"title": "Descrow, the WebSocket", "version": "0.1.0"}, "channels": {}})),
        (status = 304, description = "The client has it already")))]
pub(crate) async fn realtime(known: Known) -> Result<Reply, ApiError> {
    Ok(known.public(Reply::json_text(ASYNCAPI), KEEP))
}
