//! Keys of objects, of which no part ever needs to be encoded.

use std::{fmt, str::FromStr};

/// The longest key S3 takes, in bytes.
const MAX: usize = 1024;

/// The key of an object: segments of letters, digits, `-`, `_` and `.` with slashes between them. Everything in URLs,
/// signatures and policies is then the same text.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectKey(String);

/// The text is no such key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("is not the key of an object")]
pub struct InvalidKey;

impl ObjectKey {
    /// The key as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ObjectKey {
    type Err = InvalidKey;

    fn from_str(text: &str) -> Result<Self, InvalidKey> {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
        // URL parsers fold segments of dots only.
        let segment = |part: &str| !part.is_empty() && !part.bytes().all(|b| b == b'.') && part.bytes().all(plain);
        if text.len() <= MAX && text.split('/').all(segment) { Ok(Self(text.to_owned())) } else { Err(InvalidKey) }
    }
}

impl fmt::Display for ObjectKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_needs_no_encoding_anywhere() {
        for good in ["a", "kyc/5Grw/0192-ab/passport", "uploads/x_1/photo.jpg"] {
            assert_eq!(good.parse::<ObjectKey>().map(|key| key.to_string()), Ok(good.to_owned()));
        }
        let long = "a".repeat(1025);
        for bad in ["", "/", "/a", "a/", "a//b", "a/../b", "a/./b", "a b", "ä", "a?b", "a%2F", "a\n", &*long] {
            assert_eq!(bad.parse::<ObjectKey>(), Err(InvalidKey), "{bad:?}");
        }
    }
}
