//! `POST /api/notifications/read-all`: you have read them all.
//!
//! Round trips: session and quota, with the newest of what is unread; then those, in one transaction. What a call does has a bound
//! however much a user was told, and a call that is repeated goes on where the one before ended.

use axum::extract::State;
use descrow_store::Notifications as Rows;
use descrow_web::{ApiError, Authenticated, Reply};
use serde::Serialize;
use utoipa::ToSchema;

use crate::Notifications;

/// How many were marked.
#[derive(Debug, Serialize, ToSchema)]
pub struct MarkedRead {
    /// Notifications that were unread and are marked now: the newest, at most 100.
    #[schema(example = 3)]
    marked: usize,
    /// Whether older ones are still unread: ask again until there are none.
    #[schema(example = false)]
    more: bool,
}

/// Marks your notifications as read, the newest 100 that are unread.
///
/// Where `more` is true, ask again.
#[utoipa::path(post, path = "/api/notifications/read-all", tag = "notifications", security(("token" = [])),
    responses((status = 200, description = "Read", body = MarkedRead)))]
pub(crate) async fn read_all(State(app): State<Notifications>, who: Authenticated) -> Result<Reply, ApiError> {
    let (user, rows) = (who.account(), app.store.notifications());
    let (_live, unread) = app.edge.live(who, rows.unread(&user, None, Rows::MARKED_TOGETHER)).await?;
    let ids: Vec<_> = unread.items.iter().map(|row| row.id).collect();
    rows.mark_all_read(&user, &ids).await?;
    Reply::ok(&MarkedRead { marked: ids.len(), more: unread.next.is_some() })
}
