//! Which rates price an order now: those that were accepted last, while they are young and their source does not jump.
//!
//! A source that fails goes wrong in three ways: it answers nothing, it answers what it answered yesterday, or it answers
//! nonsense. The first two show as age. The third shows as a jump: rates outside of the bounds of the accepted ones are held as a
//! candidate, and while there is one nothing is priced, neither with the old rates nor with the new. It ends when the source is
//! back within bounds, or when it stayed within bounds of the candidate for the time to settle: then the market has moved.

use serde::{Deserialize, Serialize};

use super::Rates;
use crate::Timestamp;

/// Seconds after which a client may ask again where nobody knows when there will be rates: the source is asked every five minutes.
const ASK_AGAIN: i64 = 60;
/// The longest that a client is asked to wait, in seconds.
const ASK_AGAIN_AT_LAST: i64 = 3600;

/// How far fetched rates are trusted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// The oldest rates that price anything, in seconds.
    pub max_age: i64,
    /// The largest change between two fetches that is believed at once, in percent.
    pub max_jump: u32,
    /// How long rates beyond it must hold until they are believed, in seconds.
    pub settle: i64,
}

/// What is known of the rates: one row.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CurrentRates {
    /// [`CurrentRates::ID`].
    pub id: String,
    /// What prices orders.
    pub accepted: Rates,
    /// What the source says instead, too far away to be believed yet.
    pub candidate: Option<Candidate>,
    /// When this was written.
    pub updated_at: Timestamp,
    /// Rises with each change.
    pub version: u64,
}

/// Rates that jumped.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Candidate {
    /// The first of them: those that follow are measured by it.
    pub first: Rates,
    /// When the source last said them.
    pub last_at: Timestamp,
}

/// What became of fetched rates.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Judged {
    /// They are within bounds, or the first ones ever.
    Accepted(CurrentRates),
    /// They jumped.
    Held(CurrentRates),
    /// They jumped a while ago, and have held since.
    Settled(CurrentRates),
    /// Younger ones are known.
    Late,
}

/// Why nothing can be priced.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotQuotable {
    /// None were fetched yet.
    #[error("no exchange rates were fetched yet")]
    Missing,
    /// The source has said nothing new for too long.
    #[error("the exchange rates are too old")]
    Aged {
        /// When they became too old.
        since: Timestamp,
    },
    /// The source says something else all of a sudden.
    #[error("the exchange rates jumped")]
    Jumped {
        /// When they will be believed, if they hold until then.
        until: Timestamp,
    },
}

/// Where the rates come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Pricing {
    /// Configuration: they do not age.
    Configured(Rates),
    /// The row that is fetched on a schedule.
    Fetched(Bounds),
}

impl CurrentRates {
    /// The id of the one row.
    pub const ID: &str = "current";

    /// What follows from `fetched`, given what is known. The same rates twice, or older ones late, change nothing that counts.
    pub fn judge(known: Option<&Self>, fetched: Rates, bounds: Bounds, now: Timestamp) -> Judged {
        let next = |accepted, candidate| Self {
            id: Self::ID.to_owned(),
            accepted,
            candidate,
            updated_at: now,
            version: known.map_or(1, |known| known.version.saturating_add(1)),
        };
        let Some(known) = known else { return Judged::Accepted(next(fetched, None)) };
        if fetched.at < known.heard_at() {
            return Judged::Late;
        }
        if near(&known.accepted, &fetched, bounds.max_jump) {
            return Judged::Accepted(next(fetched, None));
        }
        let steady = known.candidate.as_ref().filter(|held| near(&held.first, &fetched, bounds.max_jump));
        let first = match steady {
            Some(held) if fetched.at >= held.first.at.plus_seconds(bounds.settle) => {
                return Judged::Settled(next(fetched, None));
            }
            Some(held) => held.first.clone(),
            None => fetched.clone(),
        };
        let candidate = Candidate { first, last_at: fetched.at };
        Judged::Held(next(known.accepted.clone(), Some(candidate)))
    }

    /// The rates that price orders at `now`.
    ///
    /// # Errors
    /// [`NotQuotable`]
    pub fn quotable(&self, bounds: Bounds, now: Timestamp) -> Result<&Rates, NotQuotable> {
        let aged = self.heard_at().plus_seconds(bounds.max_age);
        match &self.candidate {
            _ if now > aged => Err(NotQuotable::Aged { since: aged }),
            Some(held) => Err(NotQuotable::Jumped { until: held.first.at.plus_seconds(bounds.settle) }),
            None => Ok(&self.accepted),
        }
    }

    /// When the source last said something.
    fn heard_at(&self) -> Timestamp {
        self.candidate.as_ref().map_or(self.accepted.at, |held| held.last_at)
    }
}

impl Judged {
    /// The row to be written.
    pub fn row(&self) -> Option<&CurrentRates> {
        match self {
            Self::Accepted(row) | Self::Held(row) | Self::Settled(row) => Some(row),
            Self::Late => None,
        }
    }
}

impl NotQuotable {
    /// The reason as the API names it.
    pub fn reason(self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::Aged { .. } => "aged",
            Self::Jumped { .. } => "jumped",
        }
    }

    /// Seconds after which asking again makes sense.
    pub fn retry_after(self, now: Timestamp) -> u64 {
        let seconds = match self {
            Self::Missing | Self::Aged { .. } => ASK_AGAIN,
            Self::Jumped { until } => until.millis_since(now) / 1000,
        };
        seconds.clamp(ASK_AGAIN, ASK_AGAIN_AT_LAST).unsigned_abs()
    }
}

impl Pricing {
    /// Whether the row must be read to know the rates.
    pub fn needs_row(&self) -> bool {
        matches!(self, Self::Fetched(_))
    }

    /// The rates that price orders at `now`.
    ///
    /// # Errors
    /// [`NotQuotable`]
    pub fn rates(&self, row: Option<&CurrentRates>, now: Timestamp) -> Result<Rates, NotQuotable> {
        match self {
            Self::Configured(rates) => Ok(rates.clone()),
            Self::Fetched(bounds) => row.ok_or(NotQuotable::Missing)?.quotable(*bounds, now).cloned(),
        }
    }
}

/// Whether neither rate of `new` is more than `percent` away from that of `old`.
fn near(old: &Rates, new: &Rates, percent: u32) -> bool {
    let near = |old: u64, new: u64| u128::from(old.abs_diff(new)) * 100 <= u128::from(old) * u128::from(percent);
    near(old.usd_per_dot, new.usd_per_dot) && near(old.kes_per_usd, new.kes_per_usd)
}

#[cfg(test)]
#[path = "current_tests.rs"]
mod tests;
