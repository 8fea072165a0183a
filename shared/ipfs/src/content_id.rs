//! Content identifiers: `CIDv1` in base32, of the two codecs that files have.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use sha2::{Digest, Sha256};

use crate::unixfs;

/// `CIDv1`.
const VERSION: u8 = 0x01;
/// Multihash header: SHA2-256 with 32 bytes.
const SHA2_256: [u8; 2] = [0x12, 0x20];
/// Multibase prefix of lower-case base32 without padding, and its alphabet (RFC 4648).
const BASE32: char = 'b';
const ALPHABET: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";
/// Version, codec, multihash header and digest: 36 bytes, one prefix and 58 characters as text.
const BYTES: usize = 36;
const TEXT: usize = 59;

/// What the block that a CID names holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Codec {
    /// The file itself, or a chunk of it.
    Raw,
    /// Links to the parts of a file.
    DagPb,
}

impl Codec {
    const fn byte(self) -> u8 {
        match self {
            Self::Raw => 0x55,
            Self::DagPb => 0x70,
        }
    }
}

/// The CID of a file: version 1, SHA2-256, raw or dag-pb, written in base32 (`bafkrei…`, `bafybei…`). Every other way to
/// write or hash is refused, so that two texts are equal exactly when they name the same file.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ContentId {
    codec: Codec,
    digest: [u8; 32],
}

/// The text is not the CID of a file as we write it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be a CIDv1 of a file in base32, such as bafkrei…")]
pub struct InvalidContentId;

impl ContentId {
    /// The CID that Kubo gives `bytes` with `--cid-version=1`: raw leaves of 256 KiB under a balanced dag-pb tree of width 174;
    /// one leaf stands for itself.
    pub fn of(bytes: &[u8]) -> Self {
        unixfs::root(bytes)
    }

    /// The CID of one block.
    pub(crate) fn of_block(codec: Codec, block: &[u8]) -> Self {
        Self { codec, digest: Sha256::digest(block).into() }
    }

    /// The binary form, as links hold it.
    pub(crate) fn to_bytes(self) -> Vec<u8> {
        let mut out = Vec::with_capacity(BYTES);
        out.extend_from_slice(&[VERSION, self.codec.byte()]);
        out.extend_from_slice(&SHA2_256);
        out.extend_from_slice(&self.digest);
        out
    }

    /// Whether the file is one block, so that its hash is the hash of its bytes.
    pub fn is_single_block(self) -> bool {
        self.codec == Codec::Raw
    }
}

/// Reads the CID of a file as we write it; every other text, and every other way to write the same CID, is refused.
///
/// # Errors
/// [`InvalidContentId`]
pub fn validate_cid(text: &str) -> Result<ContentId, InvalidContentId> {
    text.parse()
}

/// Base32 without padding: five bits a character, the last filled up with zeros.
fn encode(bytes: &[u8]) -> String {
    let mut out = String::new();
    let (mut bits, mut held) = (0_u32, 0_u32);
    for byte in bytes {
        bits = (bits << 8) | u32::from(*byte);
        held += 8;
        while held >= 5 {
            held -= 5;
            push(&mut out, bits >> held);
        }
        bits &= (1 << held) - 1;
    }
    if held > 0 {
        push(&mut out, bits << (5 - held));
    }
    out
}

fn push(out: &mut String, bits: u32) {
    let symbol = usize::try_from(bits & 31).ok().and_then(|index| ALPHABET.get(index));
    out.extend(symbol.map(|s| char::from(*s)));
}

/// The reverse of [`encode`], except that it does not look at the bits that fill up.
fn decode(text: &str) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(text.len() * 5 / 8);
    let (mut bits, mut held) = (0_u32, 0_u32);
    for symbol in text.bytes() {
        let value = match symbol {
            b'a'..=b'z' => symbol - b'a',
            b'2'..=b'7' => symbol - b'2' + 26,
            _ => return None,
        };
        bits = (bits << 5) | u32::from(value);
        held += 5;
        if held >= 8 {
            held -= 8;
            out.push(u8::try_from(bits >> held).ok()?);
            bits &= (1 << held) - 1;
        }
    }
    Some(out)
}

impl FromStr for ContentId {
    type Err = InvalidContentId;

    fn from_str(text: &str) -> Result<Self, InvalidContentId> {
        let digits = text.strip_prefix(BASE32).filter(|_| text.len() == TEXT).ok_or(InvalidContentId)?;
        let bytes = decode(digits).ok_or(InvalidContentId)?;
        let (head, digest) = bytes.split_first_chunk::<4>().ok_or(InvalidContentId)?;
        let digest = digest.try_into().map_err(|_| InvalidContentId)?;
        let codec = [Codec::Raw, Codec::DagPb].into_iter().find(|c| Some(&c.byte()) == head.get(1));
        let id = Self { codec: codec.ok_or(InvalidContentId)?, digest };
        // Written anew, it shows every byte and bit that was not looked at.
        if id.to_string() == text { Ok(id) } else { Err(InvalidContentId) }
    }
}

impl fmt::Display for ContentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{BASE32}{}", encode(&self.to_bytes()))
    }
}

impl fmt::Debug for ContentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for ContentId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for ContentId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const HELLO: &str = "bafkreifzjut3te2nhyekklss27nh3k72ysco7y32koao5eei66wof36n5e";

    #[test]
    fn only_our_own_spelling_of_a_files_cid_is_accepted() {
        assert_eq!(validate_cid(HELLO), Ok(ContentId::of(b"hello world")));
        for bad in [
            "",
            "Qmf412jQZiuVUtdgnB36FXFX7xg5V6KEbSJ4dpQuhkLyfD",
            &HELLO.to_uppercase(),
            // the same bytes in base58, another codec (dag-cbor), cut and stretched
            "zb2rhj7crUKTQYRGCRATFaQ6YFLTde2YzdqbbhAASkL9uRDXn",
            "bafyreihdb57fdysx5h35urvxz64ros7zvywshber7id6t6c6fek37jgyfe",
            &HELLO[..58],
            // a bit set in the last character's padding, and another hash function
            &HELLO.replace("36n5e", "36n5f"),
            &HELLO.replace("bafkrei", "bafkrej"),
            &format!("{HELLO}a"),
            &"b".repeat(500),
            "../../etc/passwd",
        ] {
            assert_eq!(validate_cid(bad), Err(InvalidContentId), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn a_cid_reads_back(bytes: Vec<u8>) {
            let id = ContentId::of(&bytes);
            prop_assert_eq!(id.to_string().parse(), Ok(id));
            prop_assert!(id.is_single_block());
        }

        #[test]
        fn no_text_makes_the_parser_panic(text in ".{0,80}") {
            let _ = text.parse::<ContentId>();
        }
    }
}
