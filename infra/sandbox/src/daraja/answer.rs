//! Refusals in Safaricom's shape.

use axum::response::Response;
use serde_json::json;

use crate::{answer::json_answer, door::Answered};

/// A refusal: `{"requestId", "errorCode", "errorMessage"}`.
#[derive(Clone, Debug)]
pub(crate) struct Refusal {
    status: u16,
    code: String,
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

    /// Safaricom's shape of an error.
    pub(super) fn shape(status: u16, code: &str, message: &str) -> Response {
        Self::new(status, code, message).respond()
    }
}

impl From<Refusal> for Answered {
    fn from(refusal: Refusal) -> Self {
        Self { response: refusal.respond(), outcome: refusal.code }
    }
}
