//! A user is its account: 32 bytes, written as SS58 in the generic format (prefix 42).

use std::{fmt, str::FromStr};

use blake2::{Blake2b512, Digest};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// The generic Substrate network prefix, in which Descrow writes every account.
const GENERIC_PREFIX: u8 = 42;

/// An account id of a Substrate chain.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Account([u8; 32]);

/// The text is neither an SS58 address of a 32-byte account nor 32 bytes of 0x-hex.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidAccount {
    /// Not base58, not hex, or of another length.
    #[error("must be an SS58 address or 0x followed by 64 hex digits")]
    Malformed,
    /// The checksum of the SS58 address does not fit: a mistyped address.
    #[error("SS58 checksum is wrong")]
    Checksum,
}

impl Account {
    /// The account with these bytes.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The 32 bytes.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

/// The first bytes of `blake2b-512("SS58PRE" ++ payload)` are the address's checksum (SS58 registry).
fn checksum(payload: &[u8]) -> [u8; 2] {
    let mut hasher = Blake2b512::new();
    hasher.update(b"SS58PRE");
    hasher.update(payload);
    let digest = hasher.finalize();
    let mut out = [0; 2];
    out.iter_mut().zip(digest.iter()).for_each(|(to, from)| *to = *from);
    out
}

impl fmt::Display for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut raw = Vec::with_capacity(35);
        raw.push(GENERIC_PREFIX);
        raw.extend_from_slice(&self.0);
        let sum = checksum(&raw);
        raw.extend_from_slice(&sum);
        f.write_str(&bs58::encode(raw).into_string())
    }
}

impl fmt::Debug for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Account {
    type Err = InvalidAccount;

    /// Takes SS58 with any network prefix, or 0x-hex.
    fn from_str(text: &str) -> Result<Self, InvalidAccount> {
        if let Some(digits) = text.strip_prefix("0x") {
            let mut bytes = [0; 32];
            hex::decode_to_slice(digits, &mut bytes).map_err(|_| InvalidAccount::Malformed)?;
            return Ok(Self(bytes));
        }
        if text.len() > 64 {
            return Err(InvalidAccount::Malformed);
        }
        let raw = bs58::decode(text).into_vec().map_err(|_| InvalidAccount::Malformed)?;
        // Prefixes below 64 take one byte, the others two.
        let prefix = match raw.first() {
            Some(0..=63) => 1,
            Some(64..=127) => 2,
            _ => return Err(InvalidAccount::Malformed),
        };
        let (payload, sum) = raw.split_at_checked(prefix + 32).ok_or(InvalidAccount::Malformed)?;
        if sum.len() != 2 {
            return Err(InvalidAccount::Malformed);
        }
        if checksum(payload) != sum {
            return Err(InvalidAccount::Checksum);
        }
        let bytes = payload.get(prefix..).and_then(|b| b.try_into().ok()).ok_or(InvalidAccount::Malformed)?;
        Ok(Self(bytes))
    }
}

impl Serialize for Account {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Account {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ALICE_HEX: &str = "0xd43593c715fdd31c61141abd04a99fd6822c8558854ccde39a5684e7a56da27d";
    const ALICE: &str = "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY";

    #[test]
    fn every_way_to_write_an_account_gives_the_generic_address() {
        // Polkadot (0), Kusama (2) and a two-byte prefix name the same account.
        for text in [
            ALICE,
            ALICE_HEX,
            "15oF4uVJwmo4TdGW7VfQxNLavjCXviqxT9S1MgbjMNHr6Sp5",
            "HNZata7iMYWmk5RvZRTiAsSDhV8366zq2YGb3tLH5Upf74F",
        ] {
            assert_eq!(text.parse::<Account>().unwrap().to_string(), ALICE, "{text}");
        }
    }

    #[test]
    fn a_mistyped_address_is_refused() {
        let typo = ALICE.replace("GrwvaEF", "GrwvaEG");
        assert_eq!(typo.parse::<Account>(), Err(InvalidAccount::Checksum));
        for text in ["", "0x", "0x00", "5Grw", &"1".repeat(500), "héllo", &ALICE_HEX[..65]] {
            assert_eq!(text.parse::<Account>(), Err(InvalidAccount::Malformed), "{text}");
        }
    }

    proptest! {
        #[test]
        fn an_account_reads_back_from_its_address(bytes: [u8; 32]) {
            let account = Account::from_bytes(bytes);
            prop_assert_eq!(account.to_string().parse::<Account>(), Ok(account));
            let json = serde_json::to_string(&account).unwrap();
            prop_assert_eq!(serde_json::from_str::<Account>(&json).unwrap(), account);
        }

        #[test]
        fn no_text_makes_the_parser_panic(text in ".{0,80}") {
            let _ = text.parse::<Account>();
        }
    }
}
