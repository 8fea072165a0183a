//! `POST /api/realtime/ticket`: lets one WebSocket connect.
//!
//! Browsers cannot set headers on a WebSocket, and an access token does not belong into a URL that logs keep: the ticket does
//! one connection within a minute and nothing else. Round trips: session and quota, with the id of your newest message; then the ticket.

use axum::extract::State;
use descrow_domain::Timestamp;
use descrow_store::Ticket;
use descrow_web::{ApiError, Authenticated, Code, Reply};
use http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::Notifications;

/// How long a ticket is good, in seconds.
const LIFETIME: i64 = 60;

/// A ticket for one connection.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct TicketIssued {
    /// Give it as query parameter `ticket` when you connect. Good once.
    ticket: String,
    /// Where to connect.
    #[schema(example = "wss://ws.descrow.io")]
    url: String,
    /// Seconds it is good for.
    #[schema(example = 60)]
    expires_in: i64,
    /// The id of your newest message. A client that connects for the first time reads what it shows after it has its
    /// ticket, connects, and then says `resume` after this id: so it misses nothing in between.
    #[schema(example = "17", pattern = "^(0|[1-9][0-9]{0,18})$")]
    last_id: String,
}

/// Gives a ticket for one WebSocket connection.
#[utoipa::path(post, path = "/api/realtime/ticket", tag = "notifications", security(("token" = [])),
    responses((status = 201, description = "The ticket", body = TicketIssued)))]
pub(crate) async fn ticket(State(app): State<Notifications>, who: Authenticated) -> Result<Reply, ApiError> {
    let user = who.account();
    let (who, last) = app.edge.live(who, app.store.messages().last(&user)).await?;
    let secret = Uuid::new_v4().simple().to_string();
    let ticket = Ticket::new(&secret, who.account(), who.family(), Timestamp::now().plus_seconds(LIFETIME));
    if !app.store.sessions().put_ticket(&ticket).await? {
        // 122 random bits came twice.
        return Err(ApiError::new(Code::Internal, "a ticket's secret is taken"));
    }
    let url = app.websocket.to_string();
    let issued = TicketIssued { ticket: secret, url, expires_in: LIFETIME, last_id: last.to_string() };
    Ok(Reply::ok(&issued)?.with_status(StatusCode::CREATED))
}
