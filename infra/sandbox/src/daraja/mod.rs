//! Daraja as the portal documents it and as experience knows it.

mod answer;
mod callback;
mod fields;
mod gate;
mod oauth;
mod payout;
mod phone;
mod push;
mod query;
mod status;

use std::sync::Arc;

use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::HeaderMap,
    routing::{get, post},
};
use serde::{Deserialize, Serialize};

use crate::{Operation, world::Shared};

pub(crate) use callback::send;
pub(crate) use phone::answer_prompt;

/// The consumer key.
pub const CONSUMER_KEY: &str = "descrow-sandbox-consumer-key";
/// The consumer secret.
pub const CONSUMER_SECRET: &str = "descrow-sandbox-consumer-secret";
/// The shortcode that collects: Safaricom's public test paybill.
pub const SHORTCODE: &str = "174379";
/// The public passkey of [`SHORTCODE`] (DARAJA.md §3.1).
pub const PASSKEY: &str = "bfb279f9aa9bdbcf158e97dd71a467cd2e0c893059b10f78e6b72ada1ed2c919";
/// The shortcode that pays out.
pub const PAYOUT_SHORTCODE: &str = "600000";
/// The API user that orders payouts.
pub const INITIATOR: &str = "testapi";
/// The finished `SecurityCredential` of [`INITIATOR`]. The sandbox compares it; it holds no RSA key.
pub const SECURITY_CREDENTIAL: &str = "ZGVzY3Jvdy1zYW5kYm94LXNlY3VyaXR5LWNyZWRlbnRpYWw=";

/// What a customer does with a prompt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// Enters the right PIN.
    Pay,
    /// Enters a wrong PIN.
    WrongPin,
    /// Declines.
    Cancel,
    /// Leaves it until it expires.
    Ignore,
    /// Enters the right PIN without having the money.
    NoMoney,
}

/// A prompt on a phone, and what became of it.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Prompt {
    pub(crate) checkout_request_id: String,
    pub(crate) merchant_request_id: String,
    pub(crate) phone: String,
    pub(crate) amount: u64,
    pub(crate) reference: String,
    pub(crate) description: String,
    pub(crate) callback_url: String,
    /// Milliseconds since the epoch.
    pub(crate) at: i64,
    /// `None` while the phone shows it.
    pub(crate) outcome: Option<Outcome>,
}

/// How a prompt or payout ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Outcome {
    pub(crate) code: String,
    pub(crate) description: String,
    /// Given when money moved.
    pub(crate) receipt: Option<String>,
    pub(crate) at: i64,
}

/// A payout, and what became of it.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Payout {
    pub(crate) originator: String,
    pub(crate) conversation_id: String,
    pub(crate) phone: String,
    pub(crate) amount: u64,
    pub(crate) result_url: String,
    pub(crate) timeout_url: String,
    pub(crate) at: i64,
    pub(crate) outcome: Option<Outcome>,
}

pub(crate) fn router(shared: Arc<Shared>) -> Router {
    Router::new()
        .route("/oauth/v1/generate", get(oauth::generate))
        .route("/mpesa/stkpush/v1/processrequest", operation(Operation::StkPush))
        .route("/mpesa/stkpushquery/v1/query", operation(Operation::StkQuery))
        .route("/mpesa/b2c/v3/paymentrequest", operation(Operation::B2c))
        .route("/mpesa/transactionstatus/v1/query", operation(Operation::TransactionStatus))
        .fallback(|| async { answer::Refusal::new(404, "404.001.01", "Resource not found").respond() })
        .method_not_allowed_fallback(|| async { answer::Refusal::new(405, "405.001", "Method Not Allowed").respond() })
        .with_state(shared)
}

fn operation(operation: Operation) -> axum::routing::MethodRouter<Arc<Shared>> {
    post(move |State(shared): State<Arc<Shared>>, headers: HeaderMap, body: Bytes| async move {
        gate::handle(&shared, operation, &headers, &body).await
    })
}
