//! `POST /api/auth/refresh`: the next pair of tokens of a session.
//!
//! The family's row counts: token n is good while the count is n, and its use makes it n+1 by one conditional update. A
//! token below the count was used before, so two parties hold it; which one is the thief cannot be known, and the family
//! ends for both (RFC 9700 §4.14.2). Its user is told.

use axum::extract::State;
use descrow_domain::{
    Timestamp,
    notification::{Change, MessagePart, Notification, NotificationKind},
};
use descrow_store::{Family, Rotation};
use descrow_web::{ApiError, Body, Code, Fields, Input, Reply, Request, Visitor};
use serde::Deserialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{
    Auth,
    session::{self, SessionView},
};

/// The longest text that is looked at as a token.
const TOKEN_BYTES: usize = 2048;

/// A refresh token.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RefreshRequest {
    /// The last refresh token of the session.
    #[schema(value_type = String, min_length = 1, max_length = 2048, pattern = "^[!-~]{1,2048}$")]
    refresh_token: Input<String>,
}

impl Request for RefreshRequest {
    type Valid = String;

    fn validate(self, fields: &mut Fields) -> Option<String> {
        fields.required_with("refreshToken", self.refresh_token, |text| {
            let sane = (1..=TOKEN_BYTES).contains(&text.len());
            if sane { Ok(text.to_owned()) } else { Err("must be a refresh token") }
        })
    }
}

/// Refresh a session
///
/// A refresh token is good for one use, which gives the next. The use of an older one ends the session.
#[utoipa::path(post, path = "/api/auth/refresh", tag = "auth", operation_id = "refresh",
    request_body = RefreshRequest,
    responses(
        (status = 200, description = "The next tokens", body = SessionView),
        (status = 401, description = "`invalid_token`, `token_expired`, `session_revoked`, or `refresh_token_reused`: the token is not the session's last one")))]
pub(crate) async fn refresh(
    State(auth): State<Auth>,
    visitor: Visitor,
    Body(token): Body<RefreshRequest>,
) -> Result<Reply, ApiError> {
    let now = Timestamp::now();
    let token = auth.edge.tokens().verify_refresh(&token)?;
    // The count moves only after the quota allowed it: a client that is refused keeps a good token.
    let user = visitor.admit(auth.store.users().get(&token.account)).await?;
    let rotation = auth.store.sessions().rotate(token.family, token.counter, now, session::expiry(&auth, now)).await?;
    match (rotation, user) {
        (Rotation::Rotated(family), Some(user)) => {
            Reply::ok(&session::tokens(&auth, &user, token.family, family.counter, now)?)
        }
        (Rotation::Reused(family), _) => {
            auth.store.sessions().end_reused(token.family, &notice(&family, token.family, now)).await?;
            tracing::warn!("auth.refresh_token_reused");
            Err(ApiError::new(
                Code::RefreshReused,
                "This refresh token was used before, so the session was ended. Log in again.",
            ))
        }
        _ => Err(ApiError::new(Code::SessionRevoked, "The session ended. Log in again.")),
    }
}

/// What the user is told of a reuse.
fn notice(family: &Family, id: Uuid, now: Timestamp) -> Notification {
    let row = format!("sessions/{id}");
    let change = Change { at: now, version: family.counter, row: &row };
    Notification {
        user_id: family.account,
        id: change.id(&family.account, MessagePart::Notification),
        kind: NotificationKind::Security,
        order_id: None,
        title: "You were signed out on one device".to_owned(),
        message: "A refresh token of that session was used twice, so somebody else may have had it. \
                  Sign in again, and check your account."
            .to_owned(),
        read: false,
        created_at: now,
    }
}
