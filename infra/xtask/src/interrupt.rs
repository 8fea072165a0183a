//! Ctrl-C and termination, as a flag that waiting loops look at, so that what was started is always stopped in order.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};

/// Set once somebody wants this process to end.
#[derive(Clone)]
pub(crate) struct Interrupt(Arc<AtomicBool>);

impl Interrupt {
    /// Starts to listen. A second signal ends the process at once, in case stopping hangs.
    pub(crate) fn listen() -> anyhow::Result<Self> {
        let flag = Arc::new(AtomicBool::new(false));
        for signal in [SIGINT, SIGTERM, SIGHUP] {
            signal_hook::flag::register_conditional_shutdown(signal, 130, Arc::clone(&flag))?;
            signal_hook::flag::register(signal, Arc::clone(&flag))?;
        }
        Ok(Self(flag))
    }

    pub(crate) fn is_set(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    /// An error once the flag is set.
    pub(crate) fn check(&self) -> anyhow::Result<()> {
        anyhow::ensure!(!self.is_set(), "interrupted");
        Ok(())
    }

    /// The error, or the interruption that made it happen: children end by the same Ctrl-C, and look as if they failed.
    pub(crate) fn or(&self, error: anyhow::Error) -> anyhow::Error {
        self.check().err().unwrap_or(error)
    }
}
