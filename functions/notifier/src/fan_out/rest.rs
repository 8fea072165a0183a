//! Devices that were slow: which of them are left alone now, and which are known for it.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

/// How long a device is left alone that was slow once; each further time doubles it, up to [`LONGEST`]. It learns by its next
/// `ping`, or by the gap before its next message, that it missed some.
const LENGTH: Duration = Duration::from_secs(10);
const LONGEST: Duration = Duration::from_secs(160);
/// How long after its rest a device is known for having been slow.
const MEMORY: Duration = Duration::from_secs(600);
/// How many are remembered; beyond that, none more: their slowness costs time, and no memory.
const REMEMBERED: usize = 10_000;

#[derive(Clone, Copy, Debug)]
struct Slow {
    length: Duration,
    until: Instant,
}

/// Which devices were slow.
#[derive(Debug, Default)]
pub(super) struct Rest(Mutex<HashMap<String, Slow>>);

impl Rest {
    fn slow(&self) -> MutexGuard<'_, HashMap<String, Slow>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the device rests now.
    pub(super) fn has(&self, connection: &str) -> bool {
        self.slow().get(connection).is_some_and(|slow| Instant::now() < slow.until)
    }

    /// Whether the device was slow when it was last tried.
    pub(super) fn knows(&self, connection: &str) -> bool {
        self.slow().contains_key(connection)
    }

    /// Lets the device rest.
    pub(super) fn give(&self, connection: &str) {
        let (mut all, now) = (self.slow(), Instant::now());
        if all.len() >= REMEMBERED {
            all.retain(|_, slow| now < slow.until + MEMORY);
        }
        let before = all.get(connection).filter(|slow| now < slow.until + MEMORY);
        let length = before.map_or(LENGTH, |slow| (slow.length * 2).min(LONGEST));
        if all.len() < REMEMBERED || before.is_some() {
            all.insert(connection.to_owned(), Slow { length, until: now + length });
        }
    }

    /// Forgets that the device was slow: it answered in time, or it is gone.
    pub(super) fn forget(&self, connection: &str) {
        self.slow().remove(connection);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_device_rests_for_a_while_and_longer_each_time_until_it_answers() {
        let rest = Rest::default();
        for seconds in [10, 20, 40, 80, 160, 160] {
            rest.give("a");
            assert!(rest.has("a") && rest.knows("a") && !rest.has("b") && !rest.knows("b"));
            tokio::time::advance(Duration::from_millis(seconds * 1_000 - 1)).await;
            assert!(rest.has("a"), "{seconds}");
            tokio::time::advance(Duration::from_millis(1)).await;
            assert!(!rest.has("a") && rest.knows("a"), "{seconds}");
        }
        rest.forget("a");
        assert!(!rest.knows("a"));
        rest.give("a");
        tokio::time::advance(LENGTH).await;
        assert!(!rest.has("a"), "it begins anew");
    }

    #[tokio::test(start_paused = true)]
    async fn only_so_many_are_remembered_until_their_time_is_over() {
        let rest = Rest::default();
        (0..REMEMBERED + 5).for_each(|n| rest.give(&n.to_string()));
        assert_eq!(rest.slow().len(), REMEMBERED);
        rest.give("0");
        assert!(rest.has("0"), "who is known stays known");
        tokio::time::advance(LENGTH * 2 + MEMORY).await;
        rest.give("a");
        assert_eq!(rest.slow().len(), 1);
    }
}
