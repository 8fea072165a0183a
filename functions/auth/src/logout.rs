//! `POST /api/auth/logout`: the session ends.

use axum::extract::State;
use descrow_web::{ApiError, Authenticated, Reply, Visitor};

use crate::Auth;

/// Log out
///
/// Ends the session of the access token: its refresh token is void at once, no request changes state with it, and no
/// WebSocket that it opened is told anything more.
#[utoipa::path(post, path = "/api/auth/logout", tag = "auth", operation_id = "logout", security(("token" = [])),
    responses((status = 204, description = "The session ended")))]
pub(crate) async fn logout(
    State(auth): State<Auth>,
    somebody: Authenticated,
    visitor: Visitor,
) -> Result<Reply, ApiError> {
    visitor.allowed().await?;
    // A session that ended already is as good, so it need not stand for this.
    auth.store.sessions().revoke_family(somebody.family()).await?;
    Ok(Reply::no_content())
}
