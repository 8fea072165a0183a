//! What Daraja calls things: opaque, bounded, and shown to nobody.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, de};

/// The text is empty, too long, or holds characters that no identifier of Daraja's has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an identifier of Daraja's")]
pub struct InvalidIdentifier;

/// Whether `text` has 1 to `max` characters of letters, digits, `_`, `-` and `.`.
fn check(text: &str, max: usize) -> Result<(), InvalidIdentifier> {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.');
    if text.is_empty() || text.len() > max || !text.bytes().all(allowed) { Err(InvalidIdentifier) } else { Ok(()) }
}

macro_rules! identifier {
    ($(#[$doc:meta])* $name:ident, $max:literal) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
        #[serde(transparent)]
        pub struct $name(String);

        impl $name {
            /// The text, for Daraja and for our own table; never for logs.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = InvalidIdentifier;

            fn from_str(text: &str) -> Result<Self, InvalidIdentifier> {
                check(text, $max)?;
                Ok(Self(text.to_owned()))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(concat!(stringify!($name), "(…)"))
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
            }
        }
    };
}

identifier!(
    /// `CheckoutRequestID` of an STK push. Its last nine digits are the payer's number (DARAJA.md §3.2): personal data.
    CheckoutRequestId,
    64
);
identifier!(
    /// `MerchantRequestID` of an STK push.
    MerchantRequestId,
    64
);
identifier!(
    /// M-Pesa's receipt (`MpesaReceiptNumber`, `TransactionReceipt`), printed in the customer's SMS.
    Receipt,
    32
);
identifier!(
    /// `ConversationID`, which Daraja gives to a B2C or status request, or an `OriginatorConversationID`.
    ConversationId,
    64
);

/// A result code as text, whether it came as number or string: `0`, `1032`, `SFC_IC0003`. Not personal; may be logged.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct ResultCode(String);

impl ResultCode {
    /// The code.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ResultCode {
    type Err = InvalidIdentifier;

    fn from_str(text: &str) -> Result<Self, InvalidIdentifier> {
        check(text, 32)?;
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for ResultCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for ResultCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for ResultCode {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_identifier_is_bounded_and_hides_itself() {
        let id: CheckoutRequestId = "ws_CO_10122023133400273768130105".parse().unwrap();
        assert_eq!(format!("{id:?}"), "CheckoutRequestId(…)");
        for bad in ["", "a b", "x\n", "<script>", &"1".repeat(65)] {
            assert_eq!(bad.parse::<CheckoutRequestId>(), Err(InvalidIdentifier), "{bad}");
        }
    }
}
