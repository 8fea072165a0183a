//! A signed challenge, as register and login take it.

use descrow_domain::{Account, Timestamp, user::User};
use descrow_store::{Challenge, Store, StoreError};
use descrow_web::{ApiError, Code, Fields, Input};

use crate::wallet;

/// The longest signature: ecdsa with its type as first byte.
const SIGNATURE_BYTES: usize = 66;

/// Account, nonce and signature as they came; the challenge itself is not looked up yet.
#[derive(Debug)]
pub(crate) struct Proof {
    pub(crate) account: Account,
    pub(crate) nonce: String,
    signature: Vec<u8>,
}

impl Proof {
    pub(crate) fn read(
        fields: &mut Fields,
        account: Input<String>,
        nonce: Input<String>,
        signature: Input<String>,
    ) -> Option<Self> {
        let account = fields.required_with("account", account, wallet::parse_account);
        let nonce = fields.required_with("nonce", nonce, parse_nonce);
        let signature = fields.required_with("signature", signature, parse_signature);
        Some(Self { account: account?, nonce: nonce?, signature: signature? })
    }

    /// The challenge that was signed, and whoever is registered with the account, in one round trip.
    pub(crate) async fn read_rows(
        &self,
        store: &Store,
        now: Timestamp,
    ) -> Result<(Option<Challenge>, Option<User>), StoreError> {
        futures_util::try_join!(store.sessions().challenge(&self.nonce, now), store.users().get(&self.account))
    }

    /// Spends the challenge of a try that is `refused`: there is one try for each.
    pub(crate) async fn fail(&self, store: &Store, refused: ApiError) -> ApiError {
        store.sessions().spend_challenge(&self.nonce).await.err().map_or(refused, ApiError::from)
    }

    /// Accepts the proof if `challenge`, which was read for it, was issued to its account and signed by it. What becomes
    /// of it spends the challenge.
    pub(crate) fn verify(&self, challenge: Option<&Challenge>, now: Timestamp) -> Result<(), ApiError> {
        let good = challenge.filter(|c| c.account == self.account && now.seconds() < c.expires_at);
        let challenge = good.ok_or_else(invalid_challenge)?;
        wallet::verify(&self.account, &challenge.message, &self.signature).map_err(|_| {
            ApiError::new(Code::InvalidSignature, "The signature does not belong to this account and challenge.")
        })
    }
}

/// The challenge cannot be used, whatever was signed.
pub(crate) fn invalid_challenge() -> ApiError {
    ApiError::new(
        Code::InvalidChallenge,
        "The challenge is unknown, used, expired or somebody else's. Ask for a new one.",
    )
}

fn parse_nonce(text: &str) -> Result<String, &'static str> {
    let good = text.len() == 32 && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    if good { Ok(text.to_owned()) } else { Err("must be the nonce of a challenge: 32 hex digits") }
}

fn parse_signature(text: &str) -> Result<Vec<u8>, &'static str> {
    let digits = text.strip_prefix("0x").filter(|d| (128..=SIGNATURE_BYTES * 2).contains(&d.len()));
    digits.and_then(|d| hex::decode(d).ok()).ok_or("must be a signature: 0x followed by 128 to 132 hex digits")
}
