//! How the pushes of a portion get on, which decides who of them is slow.

use std::{
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use tokio::time::Instant;

/// A push that has been under way for this long is slow, unless others were answered meanwhile: then it may be us, or API
/// Gateway, who have much to do. A push takes some 20 ms.
pub const SLOW: Duration = Duration::from_millis(200);

/// When a push of the portion was last answered.
pub(super) struct Pace<'a> {
    answered: Mutex<Instant>,
    warm: &'a AtomicBool,
}

impl<'a> Pace<'a> {
    /// The pace of a portion that begins now. Before the first answer in the life of the process (`warm`) nobody is slow: the
    /// connection to API Gateway is not there yet.
    pub(super) fn new(warm: &'a AtomicBool) -> Self {
        Self { answered: Mutex::new(Instant::now()), warm }
    }

    /// A push was answered.
    pub(super) fn answered(&self) {
        self.warm.store(true, Ordering::Relaxed);
        *self.answered.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
    }

    /// Comes back when a push that begins now is slow.
    pub(super) async fn outrun(&self) {
        let mut since = Instant::now();
        loop {
            tokio::time::sleep_until(since + SLOW).await;
            let answered = *self.answered.lock().unwrap_or_else(PoisonError::into_inner);
            if answered > since {
                since = answered;
            } else if self.warm.load(Ordering::Relaxed) {
                return;
            } else {
                since = Instant::now();
            }
        }
    }
}
