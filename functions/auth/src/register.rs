//! `POST /api/auth/register`: a new user, proven by its wallet.

use axum::extract::State;
use descrow_domain::{
    Timestamp,
    user::{KycStatus, Role, User},
};
use descrow_store::SignedUp;
use descrow_web::{ApiError, Body, Code, Fields, Input, Reply, Request, Visitor};
use serde::Deserialize;
use utoipa::ToSchema;

use crate::{
    Auth,
    proof::{Proof, invalid_challenge},
    session::{self, SessionView},
    user::{Profile, read_profile},
};

/// A signed challenge, and who the user wants to be.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RegisterRequest {
    /// The account that the challenge was asked for.
    #[schema(value_type = String, format = "descrow-account", example = "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY")]
    account: Input<String>,
    /// The challenge's nonce.
    #[schema(value_type = String, pattern = "^[0-9a-f]{32}$", example = "7d9f1c0a6f3c4b5e8a1d2c3b4a596877")]
    nonce: Input<String>,
    /// The wallet's signature of the challenge's message.
    #[schema(value_type = String, pattern = "^0x([0-9a-fA-F]{2}){64,66}$")]
    signature: Input<String>,
    /// `buyer` or `seller`.
    #[schema(value_type = String, pattern = "^(buyer|seller)$", example = "seller")]
    role: Input<String>,
    /// Where M-Pesa reaches the user.
    #[schema(value_type = Option<String>, pattern = "^254[17][0-9]{8}$", example = "254708374149")]
    phone: Input<String>,
    /// How the user wants to be called.
    #[schema(value_type = Option<String>, max_length = 100, example = "Amina's Shop")]
    display_name: Input<String>,
    /// Contact address.
    #[schema(value_type = Option<String>, format = "email", max_length = 255, example = "amina@example.com")]
    email: Input<String>,
}

/// A registration as asked for.
#[derive(Debug)]
pub(crate) struct Registration {
    proof: Proof,
    role: Role,
    profile: Profile,
}

impl Request for RegisterRequest {
    type Valid = Registration;

    fn validate(self, fields: &mut Fields) -> Option<Registration> {
        let proof = Proof::read(fields, self.account, self.nonce, self.signature);
        let role = fields.choice("role", self.role, &["buyer", "seller"]);
        let profile = read_profile(fields, self.phone, self.display_name, self.email);
        Some(Registration { proof: proof?, role: role?, profile: profile? })
    }
}

/// Register an account
///
/// The signature of a challenge proves the account. Nobody can register as admin; the deployer names admins.
#[utoipa::path(post, path = "/api/auth/register", tag = "auth", operation_id = "register",
    request_body = RegisterRequest,
    responses(
        (status = 201, description = "Registered and signed in", body = SessionView,
            headers(("Location" = String, description = "The profile"))),
        (status = 401, description = "`invalid_challenge` or `invalid_signature`"),
        (status = 409, description = "`already_registered`: log in instead")))]
pub(crate) async fn register(
    State(auth): State<Auth>,
    visitor: Visitor,
    Body(wanted): Body<RegisterRequest>,
) -> Result<Reply, ApiError> {
    let now = Timestamp::now();
    let Registration { proof, role, profile } = wanted;
    let (challenge, registered) = Box::pin(visitor.admit(proof.read_rows(&auth.store, now))).await?;
    // Who is registered is told only to the one who proved the account.
    let proven = proof.verify(challenge.as_ref(), now);
    if let Err(refused) = proven.and_then(|()| registered.map_or(Ok(()), |_| Err(already_registered()))) {
        return Err(proof.fail(&auth.store, refused).await);
    }
    let user = User {
        id: proof.account,
        role: if auth.settings.admins.contains(&proof.account) { Role::Admin } else { role },
        kyc_status: KycStatus::Pending,
        phone: profile.phone,
        display_name: profile.display_name,
        email: profile.email,
        kyc: None,
        auth_version: 1,
        created_at: now,
        updated_at: now,
    };
    let (id, family) = session::begin(&auth, user.id, now);
    match auth.store.sessions().sign_up(&proof.nonce, &user, &family).await? {
        SignedUp::Done => {}
        SignedUp::Spent => return Err(invalid_challenge()),
        SignedUp::Taken => return Err(already_registered()),
    }
    tracing::info!(role = ?user.role, "auth.registered");
    Reply::created("/api/auth/profile".to_owned(), &session::tokens(&auth, &user, id, family.counter, now)?)
}

fn already_registered() -> ApiError {
    ApiError::new(Code::AlreadyRegistered, "This account is registered. Log in instead.")
}
