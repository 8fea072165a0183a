//! One absolute deadline per invocation; every external call is bounded by it.

use std::{
    future::Future,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use tokio::time::Instant;

/// Kept back of every invocation to answer in.
const RESERVE: Duration = Duration::from_millis(250);

/// The time was up before the call answered. What the call did on the other side is unknown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("deadline passed")]
pub struct DeadlinePassed;

/// An instant after which nothing more is begun.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Deadline(Instant);

impl Deadline {
    /// `budget` from now.
    pub fn after(budget: Duration) -> Self {
        Self(Instant::now() + budget)
    }

    /// The deadline of a Lambda invocation (`Lambda-Runtime-Deadline-Ms`), less the reserve to answer.
    pub fn of_invocation(context: &lambda_runtime::Context) -> Self {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let left = Duration::from_millis(context.deadline).saturating_sub(now);
        Self::after(left.saturating_sub(RESERVE))
    }

    /// Time left; zero when it passed.
    pub fn remaining(self) -> Duration {
        self.0.saturating_duration_since(Instant::now())
    }

    /// Whether at least `needed` is left.
    pub fn allows(self, needed: Duration) -> bool {
        self.remaining() >= needed
    }

    /// The earlier of this deadline and `budget` from now: a part's budget never outlives the whole.
    #[must_use]
    pub fn within(self, budget: Duration) -> Self {
        self.min(Self::after(budget))
    }

    /// Runs `future` until the deadline.
    ///
    /// # Errors
    /// [`DeadlinePassed`] when it did not finish in time.
    pub async fn bound<F: Future>(self, future: F) -> Result<F::Output, DeadlinePassed> {
        tokio::time::timeout_at(self.0, future).await.map_err(|_| DeadlinePassed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_part_never_outlives_the_whole() {
        let whole = Deadline::after(Duration::from_secs(1));
        assert_eq!(whole.within(Duration::from_secs(5)), whole);
        let part = whole.within(Duration::from_millis(10));
        assert_eq!(part.bound(std::future::pending::<()>()).await, Err(DeadlinePassed));
        assert!(whole.allows(Duration::from_millis(900)));
    }
}
