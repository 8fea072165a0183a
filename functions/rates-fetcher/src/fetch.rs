//! One run: ask, judge, keep.

use descrow_domain::{
    Timestamp,
    rates::{Bounds, CurrentRates, Judged, NotQuotable, Rates},
};
use descrow_platform::Deadline;
use descrow_store::{Replaced, Store, StoreError, Table};
use serde::Serialize;

use crate::Source;

/// How often the row is judged anew when another run was faster.
const ATTEMPTS: u32 = 4;

/// What a run did.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Fetched {
    /// The rates price orders from now on.
    Accepted,
    /// They had jumped, and held: they price orders from now on.
    Settled,
    /// They jumped, and nothing is priced until they hold or come back: the run ends in [`NotQuotable`].
    Held,
    /// Younger ones were there.
    Late,
    /// The source gave none; those that are there are young enough.
    Failed,
}

/// After the run there is nothing to price with, or nobody knows.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// The row could not be read or written.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The rates that are known price nothing.
    #[error("nothing can be priced: {0}")]
    NotQuotable(#[from] NotQuotable),
}

/// Asks `source`, and keeps what follows from its answer.
///
/// # Errors
/// [`FetchError`]
pub async fn fetch(store: &Store, source: &Source, bounds: Bounds, deadline: Deadline) -> Result<Fetched, FetchError> {
    let (fetched, known) = match source.rates(deadline).await {
        Ok(rates) => keep(store, rates, bounds).await?,
        Err(error) => {
            tracing::warn!(source = source.name(), %error, "rates.fetch_failed");
            (Fetched::Failed, store.rates().current().await?)
        }
    };
    known.as_ref().ok_or(NotQuotable::Missing)?.quotable(bounds, Timestamp::now())?;
    Ok(fetched)
}

/// Writes what follows from `rates`; gives the row as it is then.
async fn keep(store: &Store, rates: Rates, bounds: Bounds) -> Result<(Fetched, Option<CurrentRates>), StoreError> {
    let table = store.rates();
    let mut known = table.current().await?;
    for _ in 0..ATTEMPTS {
        let judged = CurrentRates::judge(known.as_ref(), rates.clone(), bounds, Timestamp::now());
        let (fetched, next) = match judged {
            Judged::Late => return Ok((Fetched::Late, known)),
            Judged::Accepted(next) => (Fetched::Accepted, next),
            Judged::Held(next) => (Fetched::Held, next),
            Judged::Settled(next) => (Fetched::Settled, next),
        };
        match table.save(&next).await? {
            Replaced::Done => {
                report(&rates, known.as_ref(), &next);
                return Ok((fetched, Some(next)));
            }
            Replaced::Stale(other) => known = other.map(|row| *row),
        }
    }
    Err(StoreError::Contention(Table::Rates))
}

fn report(said: &Rates, before: Option<&CurrentRates>, next: &CurrentRates) {
    let (usd_per_dot_e8, kes_per_usd_e8, age_ms) =
        (said.usd_per_dot, said.kes_per_usd, next.updated_at.millis_since(said.at));
    if next.candidate.is_some() {
        let accepted = &next.accepted;
        let (accepted_usd_e8, accepted_kes_e8) = (accepted.usd_per_dot, accepted.kes_per_usd);
        tracing::warn!(usd_per_dot_e8, kes_per_usd_e8, accepted_usd_e8, accepted_kes_e8, age_ms, "rates.jumped");
    } else {
        let was_held = before.is_some_and(|row| row.candidate.is_some());
        tracing::info!(usd_per_dot_e8, kes_per_usd_e8, was_held, age_ms, "rates.accepted");
    }
}
