//! A session: a refresh family in the database, and the two tokens that name it.

use descrow_domain::{Account, Timestamp, user::User};
use descrow_store::Family;
use descrow_web::{ApiError, RefreshToken, Subject};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{Auth, user::UserView};

/// A session as its user gets it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Session)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SessionView {
    /// Who is signed in.
    user: UserView,
    /// Send it as `Authorization: Bearer …`.
    access_token: String,
    /// Good for one use at `/api/auth/refresh`.
    refresh_token: String,
    /// Seconds that the access token lives.
    #[schema(example = 900)]
    expires_in: i64,
}

/// A new family for `account`, not yet kept.
pub(crate) fn begin(auth: &Auth, account: Account, now: Timestamp) -> (Uuid, Family) {
    let id = Uuid::now_v7();
    (id, Family::new(id, account, now, expiry(auth, now)))
}

/// When a family ends if it is not used after `now`.
pub(crate) fn expiry(auth: &Auth, now: Timestamp) -> Timestamp {
    now.plus_seconds(auth.settings.refresh_lifetime)
}

/// Both tokens of the family `id`, of which refresh token number `counter` is the valid one.
pub(crate) fn tokens(
    auth: &Auth,
    user: &User,
    id: Uuid,
    counter: u64,
    now: Timestamp,
) -> Result<SessionView, ApiError> {
    let tokens = auth.edge.tokens();
    let subject = Subject {
        account: user.id,
        role: user.role,
        kyc: user.kyc_status,
        family: id,
        auth_version: user.auth_version,
    };
    let refresh = RefreshToken { account: user.id, family: id, counter };
    Ok(SessionView {
        user: UserView::from(user),
        access_token: tokens.issue(&subject, now)?,
        refresh_token: tokens.issue_refresh(&refresh, now, expiry(auth, now))?,
        expires_in: tokens.lifetime(),
    })
}
