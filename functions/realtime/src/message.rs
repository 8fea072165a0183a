//! `$default`: what a client says, and what it is answered.

use descrow_domain::{
    Account, NotificationId, Timestamp,
    realtime::{ClientMessage, ErrorCode, ServerMessage},
    view::NotificationView,
};
use descrow_platform::Deadline;

use crate::rows::{Rows, Unavailable};

/// Notifications read at a time.
const PAGE: usize = 50;
/// The most notifications that one `resume` replays; the client is told when there are more.
const MAX_REPLAY: usize = 200;

/// The messages that answer `text` from `connection`; `None` when the connection is not known and should be closed.
///
/// # Errors
/// [`Unavailable`].
pub async fn answer<R: Rows>(
    connection: &str,
    text: &str,
    now: Timestamp,
    rows: &R,
    deadline: Deadline,
) -> Result<Option<Vec<ServerMessage>>, Unavailable> {
    match ClientMessage::read(text) {
        Ok(ClientMessage::Ping {}) => Ok(Some(vec![ServerMessage::Pong { at: now.rfc3339() }])),
        Ok(ClientMessage::Resume { after }) => {
            let Some(user) = deadline.bound(rows.owner(connection)).await?? else { return Ok(None) };
            replay(&user, after, now, rows, deadline).await.map(Some)
        }
        Err(code) => Ok(Some(vec![refusal(code, now)])),
    }
}

/// What the client is told when its message could not be answered.
pub fn refusal(code: ErrorCode, now: Timestamp) -> ServerMessage {
    let message = match code {
        ErrorCode::InvalidMessage => "The message is not valid.",
        ErrorCode::UnknownAction => "There is no such action; there are ping and resume.",
        ErrorCode::Unavailable => "This did not work now. Try again.",
    };
    ServerMessage::Error { at: now.rfc3339(), code, message: message.to_owned() }
}

async fn replay<R: Rows>(
    user: &Account,
    after: NotificationId,
    now: Timestamp,
    rows: &R,
    deadline: Deadline,
) -> Result<Vec<ServerMessage>, Unavailable> {
    let mut messages = Vec::new();
    let mut last = after;
    let more = loop {
        let page = deadline.bound(rows.notifications_after(user, last, PAGE)).await??;
        for row in page.items {
            last = row.id;
            messages.push(ServerMessage::NotificationCreated {
                id: row.id,
                at: row.created_at.rfc3339(),
                notification: NotificationView::from(&row),
            });
        }
        let more = page.next.is_some();
        if !more || messages.len() >= MAX_REPLAY {
            break more;
        }
    };
    let replayed = messages.len();
    messages.push(ServerMessage::Resumed { at: now.rfc3339(), replayed, more });
    Ok(messages)
}
