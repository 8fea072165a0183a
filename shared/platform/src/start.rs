//! How every function begins.

use crate::{Config, telemetry};

/// Starts logging, and reads the function's settings from the environment. Where they are refused, the log says which
/// variables are wrong, once and under one name for all functions, and the process ends: Lambda counts a failed start.
pub fn start<T>(read: impl FnOnce(&Config) -> Option<T>) -> T {
    telemetry::init();
    Config::from_env(read).unwrap_or_else(|error| {
        tracing::error!(%error, "config.refused");
        std::process::exit(1)
    })
}
