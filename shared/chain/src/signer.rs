//! The key with which the oracle signs.

use std::{fmt, str::FromStr};

use descrow_domain::Account;
use descrow_platform::Secret;
use subxt_signer::{SecretUri, sr25519::Keypair};

/// An sr25519 key. Its `Debug` shows the account only.
#[derive(Clone)]
pub struct OracleSigner {
    pub(crate) keypair: Keypair,
}

/// The secret is no key. Does not say what it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be a secret URI (a phrase or //Name) or 0x followed by 64 hex digits")]
pub struct InvalidKey;

impl OracleSigner {
    /// Reads a secret URI such as `//Alice` or `phrase//path`, or a 0x-hex seed.
    ///
    /// # Errors
    /// [`InvalidKey`].
    pub fn from_secret(secret: &Secret) -> Result<Self, InvalidKey> {
        // Nothing at all would be taken for the well-known development phrase.
        if secret.expose().is_empty() {
            return Err(InvalidKey);
        }
        let uri = SecretUri::from_str(secret.expose()).map_err(|_| InvalidKey)?;
        Keypair::from_uri(&uri).map(|keypair| Self { keypair }).map_err(|_| InvalidKey)
    }

    /// The account that signs.
    pub fn account(&self) -> Account {
        Account::from_bytes(self.keypair.public_key().0)
    }
}

impl fmt::Debug for OracleSigner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("OracleSigner").field(&self.account()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_a_secret_uri_or_a_seed() {
        let alice = OracleSigner::from_secret(&Secret::new("//Alice")).unwrap();
        assert_eq!(alice.account().to_string(), "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY");
        let seed = "0xe5be9a5092b81bca64be81d212e7f2f9eba183bb7a90954f7b76361f6edb5c0a";
        assert_eq!(OracleSigner::from_secret(&Secret::new(seed)).unwrap().account(), alice.account());
        assert!(!format!("{alice:?}").contains("Alice"));
        for text in ["", "not a phrase", "0x00"] {
            assert_eq!(OracleSigner::from_secret(&Secret::new(text)).unwrap_err(), InvalidKey, "{text}");
        }
    }
}
