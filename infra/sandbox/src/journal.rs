//! What was asked and what was sent, so that tests can count.

use descrow_domain::Timestamp;
use serde::Serialize;
use serde_json::Value;

use crate::Operation;

/// A request that somebody made.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Request {
    pub(crate) at: i64,
    pub(crate) operation: Operation,
    pub(crate) phone: Option<String>,
    /// HTTP status; `None` when the answer was withheld.
    pub(crate) status: Option<u16>,
    /// `accepted`, or the error code.
    pub(crate) outcome: String,
    /// The request's body without credentials.
    pub(crate) body: Value,
}

/// A callback that was sent, or that had nowhere to go.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Callback {
    pub(crate) at: i64,
    pub(crate) operation: Operation,
    pub(crate) url: String,
    pub(crate) body: String,
    /// HTTP status of the receiver; `None` when it could not be reached.
    pub(crate) status: Option<u16>,
}

/// Both lists, in order.
#[derive(Debug, Default)]
pub(crate) struct Journal {
    pub(crate) requests: Vec<Request>,
    pub(crate) callbacks: Vec<Callback>,
}

/// Milliseconds since the epoch.
pub(crate) fn now() -> i64 {
    Timestamp::now().0
}

/// A body without what must not be kept.
pub(crate) fn without_credentials(mut body: Value) -> Value {
    if let Some(object) = body.as_object_mut() {
        for name in ["Password", "SecurityCredential"] {
            object.remove(name);
        }
    }
    body
}
