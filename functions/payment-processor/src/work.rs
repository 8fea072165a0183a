//! What a message of `mpesa-callbacks` asks for.

use descrow_domain::PaymentId;
use descrow_mpesa::CallbackMessage;
use descrow_platform::queue::{SCHEMA_VERSION, WakeUp};

/// A message's content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Work {
    /// A callback arrived.
    Callback(Box<CallbackMessage>),
    /// The reconciler found the payment overdue: ask M-Pesa.
    Check(PaymentId),
}

/// The body is no message of a version we know. Never quotes the body.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("message is of no known shape or version")]
pub struct Unreadable;

impl Work {
    /// Reads a message's body.
    ///
    /// # Errors
    /// [`Unreadable`]
    pub fn parse(body: &str) -> Result<Self, Unreadable> {
        if let Ok(callback) = serde_json::from_str::<CallbackMessage>(body) {
            return if callback.v == CallbackMessage::VERSION {
                Ok(Self::Callback(Box::new(callback)))
            } else {
                Err(Unreadable)
            };
        }
        let wake: WakeUp = serde_json::from_str(body).map_err(|_| Unreadable)?;
        if wake.v != SCHEMA_VERSION {
            return Err(Unreadable);
        }
        wake.id.parse().map(Self::Check).map_err(|_| Unreadable)
    }

    /// The payment concerned.
    pub fn payment(&self) -> PaymentId {
        match self {
            Self::Callback(callback) => callback.payment_id,
            Self::Check(id) => *id,
        }
    }
}

#[cfg(test)]
mod tests {
    use descrow_domain::Timestamp;

    use super::*;

    #[test]
    fn a_callback_and_a_wake_up_are_told_apart() {
        let id = PaymentId::new();
        let callback = CallbackMessage::new(id, None, b"{}", Timestamp(1), None);
        let body = serde_json::to_string(&callback).unwrap();
        assert_eq!(Work::parse(&body), Ok(Work::Callback(Box::new(callback))));
        let wake = serde_json::to_string(&WakeUp::new(id.to_string())).unwrap();
        assert_eq!(Work::parse(&wake), Ok(Work::Check(id)));
    }

    #[test]
    fn other_versions_and_shapes_are_refused() {
        let id = PaymentId::new();
        let mut callback = CallbackMessage::new(id, None, b"{}", Timestamp(1), None);
        callback.v = 2;
        let newer = serde_json::to_string(&callback).unwrap();
        let wake = format!("{{\"v\":9,\"id\":\"{id}\"}}");
        for body in ["", "{}", "[]", "{\"v\":1,\"id\":\"x\"}", &newer, &wake] {
            assert_eq!(Work::parse(body), Err(Unreadable), "{body}");
        }
    }
}
