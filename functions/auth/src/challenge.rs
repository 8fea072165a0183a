//! `POST /api/auth/challenge`: a message to sign.

use axum::extract::State;
use descrow_domain::{Account, Timestamp};
use descrow_store::Challenge;
use descrow_web::{ApiError, Body, Fields, Input, Reply, Request, Visitor};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{
    Auth,
    message::{Chain, SignIn},
    wallet,
};

/// Seconds within which a challenge must be signed.
pub(crate) const LIFETIME: i64 = 300;

/// Who wants to sign in.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(example = json!({"account": "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY"}))]
pub(crate) struct ChallengeRequest {
    /// SS58 with any prefix, 0x-hex of 32 bytes, or an Ethereum address.
    #[schema(value_type = String, format = "descrow-account")]
    account: Input<String>,
    /// CAIP-2 name of the network that the wallet shows.
    #[schema(value_type = Option<String>, pattern = "^[-a-z0-9]{3,8}:[-_a-zA-Z0-9]{1,32}$")]
    chain: Input<String>,
}

/// A challenge as asked for.
#[derive(Debug)]
pub(crate) struct Wanted {
    account: Account,
    chain: Chain,
}

impl Request for ChallengeRequest {
    type Valid = Wanted;

    fn validate(self, fields: &mut Fields) -> Option<Wanted> {
        let account = fields.required_with("account", self.account, wallet::parse_account);
        let chain = fields.optional("chain", self.chain);
        Some(Wanted { account: account?, chain: chain?.unwrap_or_default() })
    }
}

/// What to sign.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ChallengeView {
    /// Sign exactly this text.
    message: String,
    /// Give it back with the signature.
    #[schema(example = "7d9f1c0a6f3c4b5e8a1d2c3b4a596877")]
    nonce: String,
    /// Until when.
    #[schema(format = DateTime)]
    expires_at: String,
}

/// Ask for a message to sign
///
/// The message names the account, the domain and the time; it can be used once, within five minutes.
#[utoipa::path(post, path = "/api/auth/challenge", tag = "auth", operation_id = "createChallenge",
    request_body = ChallengeRequest,
    responses((status = 200, description = "Sign this message", body = ChallengeView)))]
pub(crate) async fn challenge(
    State(auth): State<Auth>,
    visitor: Visitor,
    Body(wanted): Body<ChallengeRequest>,
) -> Result<Reply, ApiError> {
    let issued = Timestamp::now();
    let expires = issued.plus_seconds(LIFETIME);
    let nonce = Uuid::new_v4().simple().to_string();
    let sign_in = SignIn {
        domain: &auth.settings.domain,
        account: &wanted.account,
        chain: &wanted.chain,
        nonce: &nonce,
        issued,
        expires,
    };
    let message = sign_in.text();
    let row = Challenge::new(&nonce, wanted.account, message.clone(), expires);
    visitor.allowed().await?;
    if !auth.store.sessions().put_challenge(&row).await? {
        return Err(ApiError::internal(NonceTaken));
    }
    Reply::ok(&ChallengeView { message, nonce, expires_at: expires.rfc3339() })
}

/// 122 random bits came twice.
#[derive(Debug, thiserror::Error)]
#[error("a nonce was made twice")]
struct NonceTaken;
