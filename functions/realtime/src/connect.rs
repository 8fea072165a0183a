//! `$connect`: a ticket becomes a connection.

use descrow_domain::Timestamp;
use descrow_platform::Deadline;
use descrow_store::Connection;

use crate::rows::{Rows, Unavailable};

/// How long a connection's row is kept: API Gateway closes a connection after two hours, and ten minutes are for the
/// clocks and the row of a connection whose `$disconnect` is late.
const CONNECTION_SECONDS: i64 = (2 * 60 + 10) * 60;
/// The longest text that can be a ticket; anything longer is not worth a request to the table.
const MAX_TICKET: usize = 128;

/// The ticket was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refused;

/// Takes the ticket and remembers the connection as its owner's, for as long as the session stands that asked for the ticket.
///
/// # Errors
/// [`Unavailable`]: whether the ticket is spent is unknown, and the client fetches another one.
pub async fn connect<R: Rows>(
    connection: &str,
    ticket: Option<&str>,
    now: Timestamp,
    rows: &R,
    deadline: Deadline,
) -> Result<Result<(), Refused>, Unavailable> {
    let Some(ticket) = ticket.filter(|ticket| !ticket.is_empty() && ticket.len() <= MAX_TICKET) else {
        return Ok(Err(Refused));
    };
    let Some(ticket) = deadline.bound(rows.take_ticket(ticket, now)).await?? else {
        return Ok(Err(Refused));
    };
    let row = Connection {
        id: connection.to_owned(),
        user_id: ticket.account,
        family: ticket.family,
        connected_at: now,
        expires_at: now.plus_seconds(CONNECTION_SECONDS).seconds(),
    };
    let opened = deadline.bound(rows.open(&row, now)).await??;
    Ok(if opened { Ok(()) } else { Err(Refused) })
}
