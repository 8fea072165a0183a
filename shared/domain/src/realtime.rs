//! What the WebSocket speaks: messages to the client, and what a client may say.
//!
//! Every message that tells of something is kept for a day and has a place in its user's sequence: its `id`, 1, 2, 3 and so
//! on without a hole. All devices of a user get the same messages, byte for byte, live or replayed. A client therefore
//! remembers the last id it has seen in order, and
//!
//! - drops a message whose id it has seen (a replay and a push may both bring it),
//! - holds back a message that is ahead, and says `resume` after the last one it has,
//! - says `resume` after it reconnects, and `ping` now and then: `pong` names the newest id, which shows a message that was
//!   lost on its way with none after it.
//!
//! A device that connects for the first time begins at the `lastId` that it got with its ticket.

mod frame;
mod id;

use serde::{Deserialize, Serialize};

use crate::view::{NotificationView, OrderView, PaymentView};

pub use frame::{MAX_FRAME_BYTES, MAX_MESSAGE_BYTES, frames};
pub use id::{InvalidMessageId, MessageId};

/// A message to a client.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(tag = "type")]
pub enum ServerMessage {
    /// An order changed.
    #[serde(rename = "order.updated")]
    OrderUpdated {
        /// The message's place in its user's sequence.
        #[cfg_attr(feature = "openapi", schema(value_type = String, pattern = "^(0|[1-9][0-9]{0,18})$"))]
        id: MessageId,
        /// When the change happened (RFC 3339).
        at: String,
        /// The order after it, as the API shows it.
        order: Box<OrderView>,
    },
    /// A payment, payout or refund changed.
    #[serde(rename = "payment.updated")]
    PaymentUpdated {
        /// The message's place in its user's sequence.
        #[cfg_attr(feature = "openapi", schema(value_type = String, pattern = "^(0|[1-9][0-9]{0,18})$"))]
        id: MessageId,
        /// When the change happened (RFC 3339).
        at: String,
        /// The payment after it, as the API shows it.
        payment: PaymentView,
    },
    /// The user was notified.
    #[serde(rename = "notification.created")]
    NotificationCreated {
        /// The message's place in its user's sequence.
        #[cfg_attr(feature = "openapi", schema(value_type = String, pattern = "^(0|[1-9][0-9]{0,18})$"))]
        id: MessageId,
        /// When the change happened (RFC 3339).
        at: String,
        /// The notification, as the API lists it.
        notification: NotificationView,
    },
    /// Something changed, and the message that tells of it is longer than the gateway takes: read the subject by the API.
    #[serde(rename = "message.shortened")]
    Shortened {
        /// The message's place in its user's sequence.
        #[cfg_attr(feature = "openapi", schema(value_type = String, pattern = "^(0|[1-9][0-9]{0,18})$"))]
        id: MessageId,
        /// When the change happened (RFC 3339).
        at: String,
        /// The type of the message that was shortened.
        of: String,
        /// The id of the order, payment or notification that it carried.
        subject: String,
    },
    /// Several messages in the order of their ids, each as it would be by itself.
    #[serde(rename = "batch")]
    Batch {
        /// The messages.
        #[cfg_attr(feature = "openapi", schema(value_type = Vec<Object>))]
        messages: Vec<ServerMessage>,
    },
    /// The answer to `ping`.
    #[serde(rename = "pong")]
    Pong {
        /// The server's clock (RFC 3339).
        at: String,
        /// The id of the user's newest message: a client that has not seen it says `resume`.
        #[cfg_attr(feature = "openapi", schema(value_type = String, pattern = "^(0|[1-9][0-9]{0,18})$"))]
        last: MessageId,
    },
    /// The end of a replay.
    #[serde(rename = "resumed")]
    Resumed {
        /// The server's clock (RFC 3339).
        at: String,
        /// How many messages were replayed.
        replayed: usize,
        /// The id up to which the client knows everything now.
        #[cfg_attr(feature = "openapi", schema(value_type = String, pattern = "^(0|[1-9][0-9]{0,18})$"))]
        last: MessageId,
        /// Whether more are left: `resume` again after `last`.
        more: bool,
        /// Whether every message since the one named was replayed. If not, some are older than a day: reload by the API.
        complete: bool,
    },
    /// What the client said was not understood or not done.
    #[serde(rename = "error")]
    Error {
        /// The server's clock (RFC 3339).
        at: String,
        /// A stable code for programs.
        code: ErrorCode,
        /// A sentence for people.
        message: String,
    },
}

impl ServerMessage {
    /// Gives the message its place. A message that has none is left alone.
    pub fn set_id(&mut self, to: MessageId) {
        match self {
            Self::OrderUpdated { id, .. }
            | Self::PaymentUpdated { id, .. }
            | Self::NotificationCreated { id, .. }
            | Self::Shortened { id, .. } => *id = to,
            Self::Batch { .. } | Self::Pong { .. } | Self::Resumed { .. } | Self::Error { .. } => {}
        }
    }

    /// The message as JSON; one that is longer than [`MAX_MESSAGE_BYTES`] is shortened to what can be read by the API.
    ///
    /// # Errors
    /// The message has no JSON form.
    pub fn text(&self) -> Result<String, serde_json::Error> {
        let text = serde_json::to_string(self)?;
        match self.shortened() {
            Some(short) if text.len() > MAX_MESSAGE_BYTES => serde_json::to_string(&short),
            _ => Ok(text),
        }
    }

    fn shortened(&self) -> Option<Self> {
        let (id, at, of, subject) = match self {
            Self::OrderUpdated { id, at, order } => (id, at, "order.updated", order.id.to_string()),
            Self::PaymentUpdated { id, at, payment } => (id, at, "payment.updated", payment.id.to_string()),
            Self::NotificationCreated { id, at, notification } => {
                (id, at, "notification.created", notification.id.to_string())
            }
            _ => return None,
        };
        Some(Self::Shortened { id: *id, at: at.clone(), of: of.to_owned(), subject })
    }
}

/// Why a client's message was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(as = RealtimeErrorCode))]
#[serde(rename_all = "snake_case")]
pub enum ErrorCode {
    /// Not JSON, or a field is missing or malformed.
    InvalidMessage,
    /// No such action.
    UnknownAction,
    /// The server's fault; try again.
    Unavailable,
}

/// A message from a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(tag = "action", rename_all = "snake_case")]
pub enum ClientMessage {
    /// Asks for a `pong`, to keep the connection, to know that it lives, and whether a message was missed.
    Ping {},
    /// Asks for the messages after one.
    Resume {
        /// The id of the last message that the client has, without a gap before it.
        #[cfg_attr(feature = "openapi", schema(value_type = String, pattern = "^(0|[1-9][0-9]{0,18})$"))]
        after: MessageId,
    },
}

impl ClientMessage {
    /// Reads what a client sent.
    ///
    /// # Errors
    /// The code to answer with.
    pub fn read(text: &str) -> Result<Self, ErrorCode> {
        #[derive(Deserialize)]
        struct Named<'a> {
            #[serde(borrow)]
            action: std::borrow::Cow<'a, str>,
        }
        serde_json::from_str(text).map_err(|_| match serde_json::from_str::<Named<'_>>(text) {
            Ok(Named { action }) if !matches!(action.as_ref(), "ping" | "resume") => ErrorCode::UnknownAction,
            _ => ErrorCode::InvalidMessage,
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::notification::NotificationKind;

    fn notification(message: String) -> ServerMessage {
        let notification = NotificationView {
            id: "0190a2b0-0000-7000-8000-000000000001".parse().unwrap(),
            kind: NotificationKind::Security,
            order_id: None,
            title: "Title".into(),
            message,
            read: false,
            created_at: "1970-01-01T00:00:00Z".into(),
        };
        ServerMessage::NotificationCreated { id: MessageId::new(7), at: "1970-01-01T00:00:00Z".into(), notification }
    }

    #[test]
    fn a_client_may_ping_and_resume_and_nothing_else() {
        assert_eq!(ClientMessage::read(r#"{"action":"ping"}"#), Ok(ClientMessage::Ping {}));
        assert_eq!(ClientMessage::read(r#"{"action":"ping","x":1}"#), Ok(ClientMessage::Ping {}));
        let resume = ClientMessage::Resume { after: MessageId::new(41) };
        assert_eq!(ClientMessage::read(r#"{"action":"resume","after":"41"}"#), Ok(resume));
        for (text, code) in [
            ("", ErrorCode::InvalidMessage),
            ("[]", ErrorCode::InvalidMessage),
            ("{}", ErrorCode::InvalidMessage),
            (r#"{"action":7}"#, ErrorCode::InvalidMessage),
            (r#"{"action":"resume"}"#, ErrorCode::InvalidMessage),
            (r#"{"action":"resume","after":"x"}"#, ErrorCode::InvalidMessage),
            (r#"{"action":"resume","after":41}"#, ErrorCode::InvalidMessage),
            (r#"{"action":"subscribe"}"#, ErrorCode::UnknownAction),
        ] {
            assert_eq!(ClientMessage::read(text), Err(code), "{text}");
        }
    }

    #[test]
    fn messages_have_their_type_beside_their_fields() {
        let at = || "1970-01-01T00:00:00Z".to_owned();
        let pong = ServerMessage::Pong { at: at(), last: MessageId::new(12) };
        let resumed =
            ServerMessage::Resumed { at: at(), replayed: 2, last: MessageId::new(12), more: false, complete: true };
        let error =
            ServerMessage::Error { at: at(), code: ErrorCode::UnknownAction, message: "No such action.".into() };
        assert_eq!(
            serde_json::to_value([pong, resumed, error]).unwrap(),
            serde_json::json!([
                {"type": "pong", "at": at(), "last": "12"},
                {"type": "resumed", "at": at(), "replayed": 2, "last": "12", "more": false, "complete": true},
                {"type": "error", "at": at(), "code": "unknown_action", "message": "No such action."},
            ])
        );
    }

    #[test]
    fn a_message_that_the_gateway_would_not_take_is_shortened_to_its_subject() {
        let mut fits = notification("x".repeat(MAX_MESSAGE_BYTES - 400));
        fits.set_id(MessageId::new(8));
        let text = fits.text().unwrap();
        assert_eq!(serde_json::from_str::<ServerMessage>(&text).unwrap(), fits);
        let text = notification("x".repeat(MAX_MESSAGE_BYTES)).text().unwrap();
        let expected = serde_json::json!({
            "type": "message.shortened", "id": "7", "at": "1970-01-01T00:00:00Z", "of": "notification.created",
            "subject": "0190a2b0-0000-7000-8000-000000000001",
        });
        assert_eq!(serde_json::from_str::<serde_json::Value>(&text).unwrap(), expected);
    }

    proptest! {
        #[test]
        fn no_text_of_a_client_makes_reading_panic(text in ".{0,200}") {
            let _whatever_it_is = ClientMessage::read(&text);
        }
    }
}
