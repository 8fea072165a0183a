//! `$disconnect`: the connection is forgotten.

use descrow_platform::Deadline;

use crate::rows::{Rows, Unavailable};

/// Forgets a connection. API Gateway calls this at most once and not always; what it misses is found by the next push,
/// and at last by the row's TTL.
///
/// # Errors
/// [`Unavailable`].
pub async fn disconnect<R: Rows>(connection: &str, rows: &R, deadline: Deadline) -> Result<(), Unavailable> {
    Ok(deadline.bound(rows.close(connection)).await??)
}
