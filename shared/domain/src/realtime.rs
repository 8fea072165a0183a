//! What the WebSocket speaks: messages to the client, and what a client may say.

use serde::{Deserialize, Serialize};

use crate::{
    NotificationId,
    view::{NotificationView, OrderView, PaymentView},
};

/// A message to a client. Those with an id may come twice and, after a reconnect, late: `id` says so, and the `version`
/// or `updatedAt` of what they carry says which one is newer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type")]
pub enum ServerMessage {
    /// An order changed.
    #[serde(rename = "order.updated")]
    OrderUpdated {
        /// The message's id, for `resume`.
        id: NotificationId,
        /// When the change happened (RFC 3339).
        at: String,
        /// The order after it, as the API shows it.
        order: Box<OrderView>,
    },
    /// A payment changed.
    #[serde(rename = "payment.updated")]
    PaymentUpdated {
        /// The message's id, for `resume`.
        id: NotificationId,
        /// When the change happened (RFC 3339).
        at: String,
        /// The payment after it, as the API shows it.
        payment: PaymentView,
    },
    /// The user was notified.
    #[serde(rename = "notification.created")]
    NotificationCreated {
        /// The message's id, for `resume`: the notification's own.
        id: NotificationId,
        /// When the change happened (RFC 3339).
        at: String,
        /// The notification.
        notification: NotificationView,
    },
    /// The answer to `ping`.
    #[serde(rename = "pong")]
    Pong {
        /// The server's clock (RFC 3339).
        at: String,
    },
    /// The end of a replay.
    #[serde(rename = "resumed")]
    Resumed {
        /// The server's clock (RFC 3339).
        at: String,
        /// How many messages were replayed.
        replayed: usize,
        /// Whether more are left: `resume` again after the last one.
        more: bool,
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

/// Why a client's message was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
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
#[serde(tag = "action", rename_all = "snake_case")]
pub enum ClientMessage {
    /// Asks for a `pong`, to keep the connection or to know that it lives.
    Ping {},
    /// Asks for the notifications after a message.
    Resume {
        /// The id of the last message the client got.
        after: NotificationId,
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

    #[test]
    fn a_client_may_ping_and_resume_and_nothing_else() {
        let id: NotificationId = "0190a2b0-0000-7000-8000-000000000001".parse().unwrap();
        assert_eq!(ClientMessage::read(r#"{"action":"ping"}"#), Ok(ClientMessage::Ping {}));
        assert_eq!(ClientMessage::read(r#"{"action":"ping","x":1}"#), Ok(ClientMessage::Ping {}));
        let resume = format!(r#"{{"action":"resume","after":"{id}"}}"#);
        assert_eq!(ClientMessage::read(&resume), Ok(ClientMessage::Resume { after: id }));
        for (text, code) in [
            ("", ErrorCode::InvalidMessage),
            ("[]", ErrorCode::InvalidMessage),
            ("{}", ErrorCode::InvalidMessage),
            (r#"{"action":7}"#, ErrorCode::InvalidMessage),
            (r#"{"action":"resume"}"#, ErrorCode::InvalidMessage),
            (r#"{"action":"resume","after":"x"}"#, ErrorCode::InvalidMessage),
            (r#"{"action":"subscribe"}"#, ErrorCode::UnknownAction),
        ] {
            assert_eq!(ClientMessage::read(text), Err(code), "{text}");
        }
    }

    #[test]
    fn messages_have_their_type_beside_their_fields() {
        let pong = ServerMessage::Pong { at: "1970-01-01T00:00:00Z".into() };
        let error = ServerMessage::Error {
            at: "1970-01-01T00:00:00Z".into(),
            code: ErrorCode::UnknownAction,
            message: "No such action.".into(),
        };
        assert_eq!(
            serde_json::to_value([pong, error]).unwrap(),
            serde_json::json!([
                {"type": "pong", "at": "1970-01-01T00:00:00Z"},
                {"type": "error", "at": "1970-01-01T00:00:00Z", "code": "unknown_action", "message": "No such action."},
            ])
        );
    }

    proptest! {
        #[test]
        fn no_text_of_a_client_makes_reading_panic(text in ".{0,200}") {
            let _whatever_it_is = ClientMessage::read(&text);
        }
    }
}
