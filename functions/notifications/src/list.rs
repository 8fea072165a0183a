//! `GET /api/notifications`: what you were told, newest first, all of it or what is unread. One round trip.

use axum::extract::State;
use descrow_domain::view::NotificationView;
use descrow_web::{ApiError, Authenticated, Fields, Input, List, Page, Reply, Request};
use serde::Deserialize;

use crate::Notifications;

/// Which notifications to list.
#[derive(Debug, Deserialize)]
pub(crate) struct Filter {
    unread: Input<String>,
}

impl Request for Filter {
    /// Only those that are unread.
    type Valid = bool;

    fn validate(self, fields: &mut Fields) -> Option<bool> {
        let unread = fields.optional_with("unread", self.unread, |text| match text {
            "true" => Ok(true),
            "false" => Ok(false),
            _ => Err("must be one of true, false"),
        });
        Some(unread?.unwrap_or_default())
    }
}

/// Lists your notifications, newest first.
#[utoipa::path(get, path = "/api/notifications", tag = "notifications", security(("token" = [])),
    params(
        ("limit" = Option<u32>, Query, minimum = 1, maximum = 100, description = "Entries of a page; 20 where absent."),
        ("cursor" = Option<String>, Query, description = "`nextCursor` of the page before."),
        ("unread" = Option<bool>, Query, description = "`true`: only those that you have not read."),
    ),
    responses((status = 200, description = "A page of notifications", body = List<NotificationView>)))]
pub(crate) async fn list(
    State(app): State<Notifications>,
    who: Authenticated,
    page: Page<Filter>,
) -> Result<Reply, ApiError> {
    let position: Option<String> = page.position()?;
    let limit = usize::try_from(page.limit).unwrap_or(usize::MAX);
    let (rows, user, position) = (app.store.notifications(), who.account(), position.as_deref());
    let found = if page.filter {
        rows.unread(&user, position, limit).await?
    } else {
        rows.list(&user, position, limit).await?
    };
    let items: Vec<NotificationView> = found.items.iter().map(NotificationView::from).collect();
    Reply::ok(&page.list(items, found.next)?)
}
