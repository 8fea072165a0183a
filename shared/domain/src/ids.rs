//! Identifiers: `UUIDv7` (RFC 9562) newtypes, so that one kind is never taken for another and ids sort by creation.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::Timestamp;

/// The text is not a UUID.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be a UUID")]
pub struct InvalidId;

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(Uuid);

        impl $name {
            /// A new id, ordered by time.
            pub fn new() -> Self {
                Self(Uuid::now_v7())
            }

            /// The id that `name` has within `space`: the same for the same input, for writes that must happen once.
            pub fn derived(space: &Uuid, name: &str) -> Self {
                Self(Uuid::new_v5(space, name.as_bytes()))
            }

            /// 32 lower-case hex digits without dashes, for URLs that Safaricom must accept.
            pub fn to_hex(self) -> String {
                self.0.simple().to_string()
            }

            /// The 16 bytes.
            pub fn as_uuid(&self) -> &Uuid {
                &self.0
            }

            /// The instant a `UUIDv7` was made at; `None` for a derived id.
            pub fn created_at(self) -> Option<Timestamp> {
                let (seconds, nanos) = self.0.get_timestamp()?.to_unix();
                Some(Timestamp(i64::try_from(seconds).ok()?.saturating_mul(1000) + i64::from(nanos / 1_000_000)))
            }
        }

        impl Default for $name {
            fn default() -> Self {
                Self::new()
            }
        }

        impl From<Uuid> for $name {
            fn from(id: Uuid) -> Self {
                Self(id)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.hyphenated().fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;
            /// Takes the id with or without dashes.
            fn from_str(text: &str) -> Result<Self, InvalidId> {
                match text.len() {
                    32 | 36 => Uuid::try_parse(text).map(Self).map_err(|_| InvalidId),
                    _ => Err(InvalidId),
                }
            }
        }
    };
}

id!(
    /// An order.
    OrderId
);
id!(
    /// A product.
    ProductId
);
id!(
    /// One movement of shillings through M-Pesa: a collection, a payout or a refund. A payout's
    /// `OriginatorConversationID` is this id in hex.
    PaymentId
);
id!(
    /// A piece of evidence in a dispute.
    EvidenceId
);
id!(
    /// An entry of the audit log.
    AuditId
);
id!(
    /// A notification, and the realtime message that carries it.
    NotificationId
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_reads_back_with_and_without_dashes() {
        let id = OrderId::new();
        assert_eq!(id.to_string().parse(), Ok(id));
        assert_eq!(id.to_hex().parse(), Ok(id));
        assert_eq!("{0}".parse::<OrderId>(), Err(InvalidId));
    }

    #[test]
    fn a_derived_id_is_the_same_for_the_same_name_only() {
        let order = OrderId::new();
        let one = PaymentId::derived(order.as_uuid(), "payout-1");
        assert_eq!(one, PaymentId::derived(order.as_uuid(), "payout-1"));
        assert_ne!(one, PaymentId::derived(order.as_uuid(), "payout-2"));
    }
}
