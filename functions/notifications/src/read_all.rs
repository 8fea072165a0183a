//! `POST /api/notifications/read-all`: you have read them all.

use axum::extract::State;
use descrow_web::{ApiError, Authenticated, Reply};
use serde::Serialize;
use utoipa::ToSchema;

use crate::Notifications;

/// How many were marked.
#[derive(Debug, Serialize, ToSchema)]
pub struct MarkedRead {
    /// Notifications that were unread. At most 500 are marked at once: ask again after so many.
    marked: usize,
}

/// Marks your notifications as read.
#[utoipa::path(post, path = "/api/notifications/read-all", tag = "notifications", security(("token" = [])),
    responses((status = 200, description = "Read", body = MarkedRead)))]
pub(crate) async fn read_all(State(app): State<Notifications>, who: Authenticated) -> Result<Reply, ApiError> {
    let nothing = std::future::ready(Ok::<_, ApiError>(()));
    let (who, ()) = app.edge.live(who, nothing).await?;
    let marked = app.store.notifications().mark_all_read(&who.account()).await?;
    Reply::ok(&MarkedRead { marked })
}
