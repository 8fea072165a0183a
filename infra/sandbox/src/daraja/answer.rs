//! Answers in Safaricom's shape, and connections that end without one.

use std::{io, time::Duration};

use axum::{
    body::Body,
    http::{StatusCode, header::CONTENT_TYPE},
    response::{IntoResponse, Response},
};
use futures_util::stream;
use serde_json::{Value, json};

/// A refusal: `{"requestId", "errorCode", "errorMessage"}`.
#[derive(Clone, Debug)]
pub(crate) struct Refusal {
    pub(crate) status: u16,
    pub(crate) code: String,
    message: String,
}

impl Refusal {
    pub(crate) fn new(status: u16, code: &str, message: &str) -> Self {
        Self { status, code: code.to_owned(), message: message.to_owned() }
    }

    /// `400.002.02 Bad Request - Invalid <Field>`
    pub(crate) fn invalid(field: &str) -> Self {
        Self::new(400, "400.002.02", &format!("Bad Request - Invalid {field}"))
    }

    /// `500.001.1001`, which means nearly everything.
    pub(crate) fn overloaded_code(message: &str) -> Self {
        Self::new(500, "500.001.1001", message)
    }

    pub(crate) fn respond(&self) -> Response {
        let body = json!({ "requestId": "53e3-4aa8-9fe0-8fb5e4092cdd1", "errorCode": self.code, "errorMessage": self.message });
        json_answer(self.status, &body)
    }
}

pub(crate) fn json_answer(status: u16, body: &Value) -> Response {
    raw(status, "application/json", body.to_string())
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
    let broken = stream::once(async { Err::<axum::body::Bytes, _>(io::Error::other("connection dropped on purpose")) });
    Response::new(Body::from_stream(broken))
}
