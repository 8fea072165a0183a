//! A wallet: an sr25519 key made from a secret URI, as Substrate's tools make it.

use descrow_domain::Account;
use schnorrkel::{ExpansionMode, Keypair, MiniSecretKey, derive::ChainCode};

/// The secret of Substrate's development phrase (`bottom drive obey lake …`), from which `//Alice` and all the others
/// are derived. Everybody knows it.
const DEVELOPMENT_SECRET: [u8; 32] = [
    0xfa, 0xc7, 0x95, 0x9d, 0xbf, 0xe7, 0x2f, 0x05, 0x2e, 0x5a, 0x0c, 0x3c, 0x8d, 0x65, 0x30, 0xf2, 0x02, 0xb0, 0x2f,
    0xd8, 0xf9, 0xf5, 0xca, 0x35, 0x80, 0xec, 0x8d, 0xeb, 0x77, 0x97, 0x47, 0x9e,
];

/// The text is not `//name`, once or repeated, with names of at most 31 bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a secret URI here is //name, with hard junctions only")]
pub struct InvalidSecretUri;

/// A key pair and its account.
#[derive(Clone)]
pub struct Wallet {
    keys: Keypair,
}

impl std::fmt::Debug for Wallet {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Wallet").field("account", &self.account()).finish()
    }
}

impl Wallet {
    /// The wallet of a development secret URI such as `//Bob`.
    ///
    /// # Errors
    /// [`InvalidSecretUri`].
    pub fn from_uri(uri: &str) -> Result<Self, InvalidSecretUri> {
        let names = uri.strip_prefix("//").ok_or(InvalidSecretUri)?;
        let mut secret = MiniSecretKey::from_bytes(&DEVELOPMENT_SECRET).map_err(|_| InvalidSecretUri)?;
        for name in names.split("//") {
            if name.is_empty() || name.len() > 31 || name.contains('/') {
                return Err(InvalidSecretUri);
            }
            let expanded = secret.expand(ExpansionMode::Ed25519);
            (secret, _) = expanded.hard_derive_mini_secret_key(Some(ChainCode(junction(name))), b"");
        }
        Ok(Self { keys: secret.expand_to_keypair(ExpansionMode::Ed25519) })
    }

    /// The account.
    pub fn account(&self) -> Account {
        Account::from_bytes(self.keys.public.to_bytes())
    }

    /// Signs a text as wallets do for `signRaw`, wrapped in `<Bytes>`; the signature as 0x-hex.
    pub fn sign(&self, text: &str) -> String {
        let wrapped = format!("<Bytes>{text}</Bytes>");
        let signature = self.keys.sign_simple(b"substrate", wrapped.as_bytes());
        format!("0x{}", hex::encode(signature.to_bytes()))
    }
}

/// A junction as 32 bytes: a number little-endian, a name SCALE-encoded (a short text's compact length is four times its
/// bytes), either padded with zeros.
fn junction(name: &str) -> [u8; 32] {
    let encoded = if let Ok(number) = name.parse::<u64>() {
        number.to_le_bytes().to_vec()
    } else {
        let length = u8::try_from(name.len()).unwrap_or(u8::MAX).saturating_mul(4);
        std::iter::once(length).chain(name.bytes()).collect()
    };
    let mut code = [0; 32];
    code.iter_mut().zip(encoded).for_each(|(to, from)| *to = from);
    code
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn development_accounts_are_the_well_known_ones() {
        for (uri, address) in [
            ("//Alice", "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY"),
            ("//Bob", "5FHneW46xGXgs5mUiveU4sbTyGBzmstUspZC92UhjJM694ty"),
            ("//Charlie", "5FLSigC9HGRKVhB9FiEo4Y3koPsNmBmLJbpXg2mp1hXcS59Y"),
        ] {
            assert_eq!(Wallet::from_uri(uri).unwrap().account().to_string(), address);
        }
    }

    #[test]
    fn what_is_no_hard_path_is_refused() {
        for uri in ["", "Bob", "/Bob", "//", "//a/b", "//a//", "//a-name-that-is-longer-than-31-bytes"] {
            assert_eq!(Wallet::from_uri(uri).err(), Some(InvalidSecretUri), "{uri}");
        }
    }

    #[test]
    fn a_signature_is_of_the_wrapped_text() {
        let wallet = Wallet::from_uri("//Bob").unwrap();
        let bytes = hex::decode(&wallet.sign("hello")[2..]).unwrap();
        let signature = schnorrkel::Signature::from_bytes(&bytes).unwrap();
        assert!(wallet.keys.public.verify_simple(b"substrate", b"<Bytes>hello</Bytes>", &signature).is_ok());
        assert!(wallet.keys.public.verify_simple(b"substrate", b"hello", &signature).is_err());
    }
}
