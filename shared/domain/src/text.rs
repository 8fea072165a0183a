//! Text of bounded length, counted in characters as the SQL schema counts, without control characters.

use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, de};

/// Text of `MIN` to `MAX` characters after trimming; line breaks are allowed, other control characters are not.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct Text<const MIN: usize, const MAX: usize>(String);

/// Why a text was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidText {
    /// Too short or too long.
    #[error("must have {min} to {max} characters")]
    Length {
        /// The fewest characters.
        min: usize,
        /// The most characters.
        max: usize,
    },
    /// A control character other than a line break or a tab.
    #[error("must not contain control characters")]
    Control,
}

impl<const MIN: usize, const MAX: usize> Text<MIN, MAX> {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl<const MIN: usize, const MAX: usize> FromStr for Text<MIN, MAX> {
    type Err = InvalidText;

    fn from_str(text: &str) -> Result<Self, InvalidText> {
        let text = text.trim();
        // A character takes at most four bytes, so a megabyte is not counted to be refused.
        if text.len() > MAX.saturating_mul(4) || !(MIN..=MAX).contains(&text.chars().count()) {
            return Err(InvalidText::Length { min: MIN, max: MAX });
        }
        if text.chars().any(|c| c.is_control() && !matches!(c, '\n' | '\r' | '\t')) {
            return Err(InvalidText::Control);
        }
        Ok(Self(text.to_owned()))
    }
}

impl<'de, const MIN: usize, const MAX: usize> Deserialize<'de> for Text<MIN, MAX> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Short = Text<2, 4>;

    #[test]
    fn length_is_counted_in_characters_after_trimming() {
        assert_eq!("  ab ".parse::<Short>().unwrap().as_str(), "ab");
        assert_eq!("ŵŵŵŵ".parse::<Short>().unwrap().as_str(), "ŵŵŵŵ");
        for bad in ["", " a ", "abcde"] {
            assert_eq!(bad.parse::<Short>(), Err(InvalidText::Length { min: 2, max: 4 }), "{bad}");
        }
    }

    #[test]
    fn control_characters_are_refused_but_lines_are_not() {
        assert_eq!("a\u{0}b".parse::<Short>(), Err(InvalidText::Control));
        assert!("a\nb".parse::<Short>().is_ok());
    }
}
