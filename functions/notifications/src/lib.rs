//! Routes under `/api/notifications`, and tickets for the WebSocket.
//!
//! Notifications are written by the notifier; here their user reads them and marks them as read. Sequential round trips to
//! DynamoDB: list 1, mark one or all 2, ticket 2.

mod list;
mod read;
mod read_all;
mod settings;
mod ticket;

use std::sync::Arc;

use axum::extract::FromRef;
use descrow_store::Store;
use descrow_web::{App, Edge, OpenApiRouter, routes};
use url::Url;

pub use read_all::MarkedRead;
pub use settings::Settings;
pub use ticket::TicketIssued;

/// What the routes need.
#[derive(Clone)]
pub struct Notifications {
    /// The edge.
    pub edge: Edge,
    /// The database.
    pub store: Store,
    /// Where clients connect.
    pub websocket: Arc<Url>,
}

impl FromRef<Notifications> for Edge {
    fn from_ref(notifications: &Notifications) -> Self {
        notifications.edge.clone()
    }
}

fn family() -> OpenApiRouter<Notifications> {
    OpenApiRouter::new()
        .routes(routes!(list::list))
        .routes(routes!(read::read))
        .routes(routes!(read_all::read_all))
        .routes(routes!(ticket::ticket))
}

/// The family's part of the OpenAPI document.
pub fn openapi() -> utoipa::openapi::OpenApi {
    family().into_openapi()
}

/// The family behind the edge.
pub fn app(notifications: Notifications) -> App {
    App::new(notifications.edge.clone(), family().with_state(notifications).into())
}
