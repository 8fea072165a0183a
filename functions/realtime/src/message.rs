//! `$default`: what a client says, and what it is answered.

use descrow_domain::{
    Account, Timestamp,
    realtime::{ClientMessage, ErrorCode, MessageId, ServerMessage, frames},
};
use descrow_platform::Deadline;

use crate::rows::{Rows, Unavailable};

/// Messages read at a time.
const PAGE: usize = 100;
/// The most messages that one `resume` replays, and about how many bytes; the client is told when there are more.
const MAX_REPLAY: usize = 500;
const MAX_REPLAY_BYTES: usize = 1_000_000;

/// The frames that answer `text` from `connection`; `None` when it must be closed, since it is not known or its session ended.
///
/// # Errors
/// [`Unavailable`].
pub async fn answer<R: Rows>(
    connection: &str,
    text: &str,
    now: Timestamp,
    rows: &R,
    deadline: Deadline,
) -> Result<Option<Vec<String>>, Unavailable> {
    let message = match ClientMessage::read(text) {
        Ok(message) => message,
        Err(code) => return Ok(Some(vec![refusal(code, now)?])),
    };
    let Some(connection) = deadline.bound(rows.connection(connection)).await?? else { return Ok(None) };
    let Some(last) = deadline.bound(rows.last(&connection, now)).await?? else { return Ok(None) };
    match message {
        ClientMessage::Ping {} => Ok(Some(vec![ServerMessage::Pong { at: now.rfc3339(), last }.text()?])),
        ClientMessage::Resume { after } => {
            replay(&connection.user_id, after, last, now, rows, deadline).await.map(Some)
        }
    }
}

/// What the client is told when its message could not be answered.
///
/// # Errors
/// The message has no JSON form.
pub fn refusal(code: ErrorCode, now: Timestamp) -> Result<String, serde_json::Error> {
    let message = match code {
        ErrorCode::InvalidMessage => "The message is not valid.",
        ErrorCode::UnknownAction => "There is no such action; there are ping and resume.",
        ErrorCode::Unavailable => "This did not work now. Try again.",
    };
    ServerMessage::Error { at: now.rfc3339(), code, message: message.to_owned() }.text()
}

/// Everything that is kept after `after`, in portions. `last` was read before: what comes later is pushed, or in the rows already.
async fn replay<R: Rows>(
    user: &Account,
    after: MessageId,
    last: MessageId,
    now: Timestamp,
    rows: &R,
    deadline: Deadline,
) -> Result<Vec<String>, Unavailable> {
    let mut texts = Vec::new();
    let (mut bytes, mut reached) = (0, after);
    // An id that was never given is from another life: nothing follows from it.
    let mut complete = after <= last;
    let mut position = (after < last).then_some(after);
    while let Some(from) = position
        && texts.len() < MAX_REPLAY
        && bytes < MAX_REPLAY_BYTES
    {
        let (page, read_up_to) = deadline.bound(rows.after(user, from, PAGE, now)).await??;
        position = read_up_to;
        for message in page {
            complete &= message.id == reached.next();
            reached = message.id;
            bytes += message.text.len();
            texts.push(message.text);
        }
    }
    let more = position.is_some();
    if !more && reached < last {
        // What came up to `last` is not kept any more.
        (complete, reached) = (false, last);
    }
    if after > last {
        reached = last;
    }
    let mut answer = frames(texts.iter().map(String::as_str));
    let resumed = ServerMessage::Resumed { at: now.rfc3339(), replayed: texts.len(), last: reached, more, complete };
    answer.push(resumed.text()?);
    Ok(answer)
}
