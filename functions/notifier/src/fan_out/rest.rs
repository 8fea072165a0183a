//! Devices that are left alone for a while.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

/// How long. A device that was slow once learns by its next `ping`, or by the gap before its next message, that it missed some.
const LENGTH: Duration = Duration::from_secs(10);
/// How many are remembered; beyond that, none more: their slowness costs time, and no memory.
const REMEMBERED: usize = 1_000;

/// Which devices rest, and until when.
#[derive(Debug, Default)]
pub(super) struct Rest(Mutex<HashMap<String, Instant>>);

impl Rest {
    /// Whether the device rests now.
    pub(super) fn has(&self, connection: &str) -> bool {
        let resting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        resting.get(connection).is_some_and(|until| Instant::now() < *until)
    }

    /// Lets the device rest.
    pub(super) fn give(&self, connection: &str) {
        let mut resting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        resting.retain(|_, until| now < *until);
        if resting.len() < REMEMBERED {
            resting.insert(connection.to_owned(), now + LENGTH);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_device_rests_for_a_while() {
        let rest = Rest::default();
        rest.give("a");
        assert!(rest.has("a") && !rest.has("b"));
        tokio::time::advance(LENGTH).await;
        assert!(!rest.has("a"));
    }

    #[tokio::test(start_paused = true)]
    async fn only_so_many_are_remembered_until_their_time_is_over() {
        let rest = Rest::default();
        (0..REMEMBERED + 5).for_each(|n| rest.give(&n.to_string()));
        assert_eq!(rest.0.lock().unwrap().len(), REMEMBERED);
        tokio::time::advance(LENGTH).await;
        rest.give("a");
        assert_eq!(rest.0.lock().unwrap().len(), 1);
    }
}
