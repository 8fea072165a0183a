//! Does a signature over a message belong to an account?
//!
//! A Substrate account is a public key (sr25519, ed25519) or the hash of one (ecdsa), and its address does not tell
//! which, so each scheme that fits the signature's length is tried. An account that ends in twelve bytes 0xEE stands for
//! an Ethereum address (as pallet-revive maps them) and takes `personal_sign` only, which no Substrate account takes.

use blake2::{Blake2b, Digest, digest::consts::U32};
use descrow_domain::{Account, account::InvalidAccount};
use k256::ecdsa::{RecoveryId, Signature, VerifyingKey};
use sha3::Keccak256;

/// The context in which Substrate signs with sr25519.
const SUBSTRATE_CONTEXT: &[u8] = b"substrate";
/// What stands behind an Ethereum address's 20 bytes in the account that it maps to.
const ETHEREUM_TAIL: [u8; 12] = [0xEE; 12];

/// The signature does not belong to the account and the message, or is no signature at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("signature does not belong to account and message")]
pub struct BadSignature;

/// The text is neither an account nor an Ethereum address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be an SS58 address, 0x followed by 64 hex digits, or an Ethereum address")]
pub struct InvalidWallet;

/// Reads an account: SS58 or hex as everywhere, or an Ethereum address of 0x and 40 hex digits.
///
/// # Errors
/// [`InvalidWallet`]
pub fn parse_account(text: &str) -> Result<Account, InvalidWallet> {
    if let Some(digits) = text.strip_prefix("0x").filter(|digits| digits.len() == 40) {
        let mut address = [0; 20];
        hex::decode_to_slice(digits, &mut address).map_err(|_| InvalidWallet)?;
        return Ok(ethereum_account(address));
    }
    text.parse().map_err(|_: InvalidAccount| InvalidWallet)
}

/// How an account is shown to the one who signs: an Ethereum address as such, all others in SS58.
pub fn shown(account: &Account) -> String {
    match ethereum_address(account) {
        Some(address) => format!("0x{}", hex::encode(address)),
        None => account.to_string(),
    }
}

/// The Ethereum address that an account stands for.
pub fn ethereum_address(account: &Account) -> Option<[u8; 20]> {
    let (address, tail) = account.as_bytes().split_first_chunk::<20>()?;
    (tail == ETHEREUM_TAIL).then_some(*address)
}

fn ethereum_account(address: [u8; 20]) -> Account {
    let mut bytes = [0xEE; 32];
    bytes.iter_mut().zip(address).for_each(|(to, from)| *to = from);
    Account::from_bytes(bytes)
}

/// Accepts `signature` if the key of `account` made it over `message`, bare or wrapped in `<Bytes>…</Bytes>` as wallets
/// do (polkadot-js/extension#743).
///
/// # Errors
/// [`BadSignature`]
pub fn verify(account: &Account, message: &str, signature: &[u8]) -> Result<(), BadSignature> {
    let good = if let Some(address) = ethereum_address(account) {
        personal_sign(message, signature).is_some_and(|signer| signer == address)
    } else {
        let wrapped = format!("<Bytes>{message}</Bytes>");
        [message, &wrapped].into_iter().any(|text| substrate(account, text.as_bytes(), signature))
    };
    if good { Ok(()) } else { Err(BadSignature) }
}

/// A signature is bare, or has the index of its scheme in Substrate's `MultiSignature` as first byte.
fn substrate(account: &Account, message: &[u8], signature: &[u8]) -> bool {
    match signature {
        bare if bare.len() == 64 => sr25519(account, message, bare) || ed25519(account, message, bare),
        [0, typed @ ..] if typed.len() == 64 && ed25519(account, message, typed) => true,
        [1, typed @ ..] if typed.len() == 64 && sr25519(account, message, typed) => true,
        bare if bare.len() == 65 => ecdsa(account, message, bare),
        [2, typed @ ..] if typed.len() == 65 => ecdsa(account, message, typed),
        _ => false,
    }
}

fn sr25519(account: &Account, message: &[u8], signature: &[u8]) -> bool {
    let key = schnorrkel::PublicKey::from_bytes(account.as_bytes());
    let signature = schnorrkel::Signature::from_bytes(signature);
    match (key, signature) {
        (Ok(key), Ok(signature)) => key.verify_simple(SUBSTRATE_CONTEXT, message, &signature).is_ok(),
        _ => false,
    }
}

fn ed25519(account: &Account, message: &[u8], signature: &[u8]) -> bool {
    let key = ed25519_dalek::VerifyingKey::from_bytes(account.as_bytes());
    let signature = ed25519_dalek::Signature::from_slice(signature);
    match (key, signature) {
        (Ok(key), Ok(signature)) => key.verify_strict(message, &signature).is_ok(),
        _ => false,
    }
}

/// Substrate's ecdsa: over blake2b-256, by the key whose blake2b-256 is the account.
fn ecdsa(account: &Account, message: &[u8], signature: &[u8]) -> bool {
    let signer = recover(&Blake2b::<U32>::digest(message), signature);
    signer.is_some_and(|key| *Blake2b::<U32>::digest(key.to_encoded_point(true).as_bytes()) == *account.as_bytes())
}

/// Who signed `message` with `personal_sign` (EIP-191).
fn personal_sign(message: &str, signature: &[u8]) -> Option<[u8; 20]> {
    let mut hasher = Keccak256::new_with_prefix(format!("\x19Ethereum Signed Message:\n{}", message.len()));
    hasher.update(message);
    let key = recover(&hasher.finalize(), signature)?;
    let point = key.to_encoded_point(false);
    let hash = Keccak256::digest(point.as_bytes().get(1..)?);
    hash.get(12..)?.try_into().ok()
}

/// The key that signed `hash`; the last byte is the recovery id, from 0 or from 27.
fn recover(hash: &[u8], signature: &[u8]) -> Option<VerifyingKey> {
    let (recovery, signature) = signature.split_last()?;
    let recovery = RecoveryId::from_byte(recovery.checked_sub(27).unwrap_or(*recovery))?;
    let signature = Signature::from_slice(signature).ok()?;
    VerifyingKey::recover_from_prehash(hash, &signature, recovery).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(serde::Deserialize)]
    struct File {
        message: String,
        vectors: Vec<Vector>,
    }

    #[derive(serde::Deserialize)]
    struct Vector {
        name: String,
        scheme: String,
        account: String,
        signature: String,
    }

    impl Vector {
        fn account(&self) -> Account {
            parse_account(&self.account).unwrap()
        }

        fn signature(&self) -> Vec<u8> {
            hex::decode(self.signature.strip_prefix("0x").unwrap()).unwrap()
        }
    }

    fn file() -> File {
        serde_json::from_str(include_str!("../tests/vectors/vectors.json")).unwrap()
    }

    #[test]
    fn every_signature_of_a_real_wallet_is_accepted() {
        let file = file();
        assert_eq!(file.vectors.len(), 11);
        for v in &file.vectors {
            assert_eq!(verify(&v.account(), &file.message, &v.signature()), Ok(()), "{}", v.name);
        }
    }

    #[test]
    fn a_signature_is_good_for_its_message_and_account_only() {
        let file = file();
        for v in &file.vectors {
            let other = format!("{} ", file.message);
            assert_eq!(verify(&v.account(), &other, &v.signature()), Err(BadSignature), "{}", v.name);
            for stranger in file.vectors.iter().filter(|s| s.account() != v.account()) {
                assert_eq!(verify(&stranger.account(), &file.message, &v.signature()), Err(BadSignature), "{}", v.name);
            }
        }
    }

    #[test]
    fn a_bent_or_cut_signature_is_refused_whatever_its_length() {
        let file = file();
        for v in &file.vectors {
            let signature = v.signature();
            for at in 0..signature.len() {
                let mut bent = signature.clone();
                bent[at] ^= 0x01;
                assert_eq!(verify(&v.account(), &file.message, &bent), Err(BadSignature), "{} {at}", v.name);
                assert_eq!(verify(&v.account(), &file.message, &signature[..at]), Err(BadSignature), "{} {at}", v.name);
            }
        }
    }

    #[test]
    fn an_ethereum_account_takes_no_substrate_scheme_and_the_other_way_round() {
        let file = file();
        for v in &file.vectors {
            assert_eq!(ethereum_address(&v.account()).is_some(), v.scheme == "ethereum", "{}", v.name);
        }
        let ethereum = file.vectors.iter().find(|v| v.scheme == "ethereum").unwrap();
        assert_eq!(shown(&ethereum.account()), ethereum.account.to_lowercase());
    }

    #[test]
    fn no_text_that_names_no_account_is_one() {
        for bad in ["", "0x", "0x12", &format!("0x{}", "g".repeat(40)), "alice"] {
            assert_eq!(parse_account(bad), Err(InvalidWallet), "{bad}");
        }
    }
}
