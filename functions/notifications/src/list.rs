//! `GET /api/notifications`: what you were told, newest first. One round trip.

use axum::extract::State;
use descrow_domain::view::NotificationView;
use descrow_web::{ApiError, Authenticated, List, Page, Reply};

use crate::Notifications;

/// Lists your notifications, newest first.
#[utoipa::path(get, path = "/api/notifications", tag = "notifications", security(("token" = [])),
    params(
        ("limit" = Option<u32>, Query, minimum = 1, maximum = 100, description = "Entries of a page; 20 where absent."),
        ("cursor" = Option<String>, Query, description = "`nextCursor` of the page before."),
    ),
    responses((status = 200, description = "A page of notifications", body = List<NotificationView>)))]
pub(crate) async fn list(State(app): State<Notifications>, who: Authenticated, page: Page) -> Result<Reply, ApiError> {
    let position: Option<String> = page.position()?;
    let limit = usize::try_from(page.limit).unwrap_or(usize::MAX);
    let found = app.store.notifications().list(&who.account(), position.as_deref(), limit).await?;
    let items: Vec<NotificationView> = found.items.iter().map(NotificationView::from).collect();
    Reply::ok(&page.list(items, found.next)?)
}
