//! Places in a user's sequence of messages.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// The place of a message in its user's sequence: 1, 2, 3 and so on without a hole; 0 is before the first. In JSON a
/// string of decimal digits, so that no client loses a bit of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MessageId(u64);

/// The text is not a decimal number of at most 19 digits without leading zeros.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be the id of a message")]
pub struct InvalidMessageId;

impl MessageId {
    /// Before the first message.
    pub const ZERO: Self = Self(0);

    /// The place with this number.
    pub const fn new(number: u64) -> Self {
        Self(number)
    }

    /// The number.
    pub const fn number(self) -> u64 {
        self.0
    }

    /// The next place.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

impl fmt::Display for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for MessageId {
    type Err = InvalidMessageId;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let canonical = (1..=19).contains(&text.len())
            && text.bytes().all(|b| b.is_ascii_digit())
            && (text == "0" || !text.starts_with('0'));
        let number = if canonical { text.parse().ok() } else { None };
        number.map(Self).ok_or(InvalidMessageId)
    }
}

impl Serialize for MessageId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for MessageId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn only_the_one_form_of_a_number_is_an_id() {
        for (text, id) in [("0", MessageId::ZERO), ("9999999999999999999", MessageId(9_999_999_999_999_999_999))] {
            assert_eq!(text.parse(), Ok(id));
        }
        for text in ["", "00", "01", "+1", "-1", " 1", "1.0", "1e3", "٣", "99999999999999999999"] {
            assert_eq!(text.parse::<MessageId>(), Err(InvalidMessageId), "{text}");
        }
    }

    proptest! {
        #[test]
        fn an_id_is_read_as_it_was_written(number in 0u64..10_000_000_000_000_000_000) {
            let json = serde_json::to_string(&MessageId(number)).unwrap();
            prop_assert_eq!(&json, &format!("\"{number}\""));
            prop_assert_eq!(serde_json::from_str::<MessageId>(&json).unwrap(), MessageId(number));
        }
    }
}
