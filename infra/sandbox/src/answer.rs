//! Answers that every simulated service gives, and connections that end without one.

use std::{io, time::Duration};

use axum::{
    body::{Body, Bytes},
    http::{StatusCode, header::CONTENT_TYPE},
    response::{IntoResponse, Response},
};
use futures_util::stream;
use serde_json::Value;

pub(crate) fn json_answer(status: u16, body: &Value) -> Response {
    raw(status, "application/json", body.to_string())
}

pub(crate) fn text(status: u16, body: impl Into<String>) -> Response {
    raw(status, "text/plain", body.into())
}

pub(crate) fn raw(status: u16, media_type: &'static str, body: String) -> Response {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    (status, [(CONTENT_TYPE, media_type)], body).into_response()
}

/// The firewall's page.
pub(crate) fn html(status: u16) -> Response {
    let page = "<html><head><META NAME=\"robots\" CONTENT=\"noindex,nofollow\"></head><body>Request unsuccessful. \
                Incapsula incident ID: 0-0</body></html>";
    raw(status, "text/html", page.to_owned())
}

/// An answer whose connection breaks after `wait`, before a byte of the body.
pub(crate) async fn lost_connection(wait: Duration) -> Response {
    tokio::time::sleep(wait).await;
    let broken = stream::once(async { Err::<Bytes, _>(io::Error::other("connection dropped on purpose")) });
    Response::new(Body::from_stream(broken))
}
