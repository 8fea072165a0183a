//! `POST /api/notifications/{id}/read`: you have read it.
//!
//! Round trips: session and quota; then the row, which is under its user's key, so that nobody reaches somebody else's.

use axum::extract::State;
use descrow_domain::NotificationId;
use descrow_web::{ApiError, Authenticated, Id, Reply};

use crate::Notifications;

/// Marks one of your notifications as read.
#[utoipa::path(post, path = "/api/notifications/{id}/read", tag = "notifications", security(("token" = [])),
    params(("id" = String, Path, format = "uuid", description = "The notification's id.")),
    responses((status = 204, description = "Read")))]
pub(crate) async fn read(
    State(app): State<Notifications>,
    who: Authenticated,
    Id(id): Id<NotificationId>,
) -> Result<Reply, ApiError> {
    let nothing = std::future::ready(Ok::<_, ApiError>(()));
    let (who, ()) = app.edge.live(who, nothing).await?;
    if app.store.notifications().mark_read(&who.account(), id).await? {
        Ok(Reply::no_content())
    } else {
        Err(ApiError::not_found())
    }
}
