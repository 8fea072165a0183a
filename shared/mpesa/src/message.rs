//! What `mpesa-webhook` puts on the queue `mpesa-callbacks`, and `payment-processor` takes from it.

use std::fmt;

use base64::{Engine, engine::general_purpose::STANDARD};
use descrow_domain::{PaymentId, Timestamp};
use serde::{Deserialize, Serialize};

use crate::{Callback, Unreadable};

/// What kind of news a callback brings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CallbackKind {
    /// The outcome of an STK push.
    Stk,
    /// The result of a B2C payment.
    Result,
    /// A B2C or status request expired in Daraja's queue: its outcome is unknown, not failed (DARAJA.md §5.4).
    Timeout,
    /// The result of a transaction status query.
    Status,
    /// Came on the main path with a body that is neither an STK callback nor a result. Kept, for a human.
    Unrecognised,
}

impl CallbackKind {
    /// The kind of a callback on the main path, which STK pushes and B2C results share: the body tells them apart.
    pub fn of_body(body: &str) -> Self {
        match Callback::parse(body) {
            Ok(Callback::Stk(_)) => Self::Stk,
            Ok(Callback::Result(_)) => Self::Result,
            Err(_) => Self::Unrecognised,
        }
    }
}

/// One callback, as it came, behind an authenticated URL. The URL proves that whoever sent it knew the payment's secret
/// path; the body proves nothing (DARAJA.md §9).
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CallbackMessage {
    /// [`CallbackMessage::VERSION`].
    pub v: u32,
    /// What the path, or for the main path the body, says the callback is.
    pub kind: CallbackKind,
    /// The payment the URL was made for.
    pub payment_id: PaymentId,
    /// When it arrived.
    pub received_at: Timestamp,
    /// The sender's address as API Gateway saw it.
    pub source_ip: Option<String>,
    /// The raw body; base64 when [`CallbackMessage::base64`] says so.
    body: String,
    /// Whether `body` is base64, because the bytes were no UTF-8.
    #[serde(default)]
    base64: bool,
    /// The trace that the webhook ran in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trace: Option<String>,
}

impl CallbackMessage {
    /// The version of the message; a consumer refuses one it does not know.
    pub const VERSION: u32 = 1;

    /// A message around a body, whatever its bytes are. `kind` is `None` for the main path.
    pub fn new(
        payment_id: PaymentId,
        kind: Option<CallbackKind>,
        body: &[u8],
        received_at: Timestamp,
        source_ip: Option<String>,
    ) -> Self {
        let (text, base64) = match std::str::from_utf8(body) {
            Ok(text) => (text.to_owned(), false),
            Err(_) => (STANDARD.encode(body), true),
        };
        let kind =
            kind.unwrap_or_else(|| if base64 { CallbackKind::Unrecognised } else { CallbackKind::of_body(&text) });
        Self { v: Self::VERSION, kind, payment_id, received_at, source_ip, body: text, base64, trace: None }
    }

    /// Reads the callback.
    ///
    /// # Errors
    /// [`Unreadable`] says what about the body is not a callback; the body itself is never part of it.
    pub fn callback(&self) -> Result<Callback, Unreadable> {
        if self.base64 {
            return Err(Unreadable::NotJson);
        }
        Callback::parse(&self.body)
    }

    /// The body as it came, where it was text.
    pub fn body(&self) -> Option<&str> {
        (!self.base64).then_some(self.body.as_str())
    }
}

impl fmt::Debug for CallbackMessage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CallbackMessage")
            .field("kind", &self.kind)
            .field("payment_id", &self.payment_id)
            .field("received_at", &self.received_at)
            .field("body_bytes", &self.body.len())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(body: &[u8]) -> CallbackMessage {
        CallbackMessage::new(PaymentId::new(), None, body, Timestamp(1), None)
    }

    #[test]
    fn the_body_tells_what_came_on_the_main_path() {
        let stk = br#"{"Body":{"stkCallback":{"CheckoutRequestID":"ws_1","ResultCode":1032}}}"#;
        assert_eq!(message(stk).kind, CallbackKind::Stk);
        assert_eq!(message(br#"{"Result":{"ResultCode":0}}"#).kind, CallbackKind::Result);
        assert_eq!(message(b"hello").kind, CallbackKind::Unrecognised);
        assert_eq!(message(b"\xff").kind, CallbackKind::Unrecognised);
    }

    #[test]
    fn a_message_survives_the_queue_and_shows_no_body_in_logs() {
        let sent = message(br#"{"Result":{"ResultCode":"0","TransactionID":"SECRET"}}"#);
        let json = serde_json::to_string(&sent).unwrap();
        assert!(json.contains("\"paymentId\"") && json.contains("\"receivedAt\":1"), "{json}");
        assert_eq!(serde_json::from_str::<CallbackMessage>(&json).unwrap(), sent);
        assert!(!format!("{sent:?}").contains("SECRET"));
    }

    #[test]
    fn bytes_that_are_no_text_are_kept() {
        let sent = message(b"\xff\x00");
        assert_eq!((sent.body(), sent.callback()), (None, Err(Unreadable::NotJson)));
        assert!(serde_json::to_string(&sent).unwrap().contains("/wA="));
    }
}
