//! `POST /api/auth/login`: a session for a registered user, proven by its wallet.

use axum::extract::State;
use descrow_domain::Timestamp;
use descrow_web::{ApiError, Body, Code, Fields, Input, Reply, Request, Visitor};
use serde::Deserialize;
use utoipa::ToSchema;

use crate::{
    Auth,
    proof::{Proof, invalid_challenge},
    session::{self, SessionView},
};

/// A signed challenge.
#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct LoginRequest {
    /// The account that the challenge was asked for.
    #[schema(value_type = String, format = "descrow-account", example = "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY")]
    account: Input<String>,
    /// The challenge's nonce.
    #[schema(value_type = String, pattern = "^[0-9a-f]{32}$", example = "7d9f1c0a6f3c4b5e8a1d2c3b4a596877")]
    nonce: Input<String>,
    /// The wallet's signature of the challenge's message.
    #[schema(value_type = String, pattern = "^0x([0-9a-fA-F]{2}){64,66}$")]
    signature: Input<String>,
}

impl Request for LoginRequest {
    type Valid = Proof;

    fn validate(self, fields: &mut Fields) -> Option<Proof> {
        Proof::read(fields, self.account, self.nonce, self.signature)
    }
}

/// Log in
///
/// The signature of a challenge proves the account: sr25519, ed25519 or ecdsa, bare or wrapped in `<Bytes>`; for an
/// Ethereum address `personal_sign`.
#[utoipa::path(post, path = "/api/auth/login", tag = "auth", operation_id = "login",
    request_body = LoginRequest,
    responses(
        (status = 200, description = "Signed in", body = SessionView),
        (status = 401, description = "`invalid_challenge` or `invalid_signature`"),
        (status = 404, description = "`not_registered`: register first")))]
pub(crate) async fn login(
    State(auth): State<Auth>,
    visitor: Visitor,
    Body(proof): Body<LoginRequest>,
) -> Result<Reply, ApiError> {
    let now = Timestamp::now();
    let (challenge, user) = Box::pin(visitor.admit(proof.read_rows(&auth.store, now))).await?;
    // Who is registered is told only to the one who proved the account.
    let proven = proof
        .verify(challenge.as_ref(), now)
        .and_then(|()| user.ok_or_else(|| ApiError::new(Code::NotRegistered, "This account is not registered.")));
    let user = match proven {
        Ok(user) => user,
        Err(refused) => return Err(proof.fail(&auth.store, refused).await),
    };
    let (id, family) = session::begin(&auth, user.id, now);
    if !auth.store.sessions().sign_in(&proof.nonce, &family).await? {
        return Err(invalid_challenge());
    }
    Reply::ok(&session::tokens(&auth, &user, id, family.counter, now)?)
}
