//! What is going on, on standard error, so that standard output stays for results.

use std::time::{Duration, Instant};

/// Says what happens and when, counted from its start.
pub(crate) struct Progress {
    started: Instant,
}

impl Progress {
    pub(crate) fn start() -> Self {
        Self { started: Instant::now() }
    }

    pub(crate) fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }

    /// One line with the time since the start.
    pub(crate) fn say(&self, text: impl AsRef<str>) {
        eprintln!("[{}] {}", seconds(self.elapsed()), text.as_ref());
    }
}

/// A duration as `  12.3s`, without floats.
pub(crate) fn seconds(duration: Duration) -> String {
    format!("{:>4}.{}s", duration.as_secs(), duration.subsec_millis() / 100)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_is_shown_in_tenths_of_a_second() {
        assert_eq!(seconds(Duration::from_millis(12_399)), "  12.3s");
        assert_eq!(seconds(Duration::from_millis(45)), "   0.0s");
    }
}
