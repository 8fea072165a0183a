//! Structured logs: one JSON object a line on standard output, where Lambda picks them up.
//!
//! The law (ANCHORS A1, crates-io's LOGGING.md): a constant message, facts in fields, units in field names, a failure
//! logged once and at the boundary; never a secret, a phone number, a receipt, a checkout id or a body.

use std::str::FromStr;

use tracing::Level;
use tracing_subscriber::{filter::LevelFilter, layer::SubscriberExt, util::SubscriberInitExt};

/// Starts logging at `LOG_LEVEL` (error, warn, info, debug or trace; info where absent or unknown). Dependencies log
/// warnings and errors only: their debug output shows bodies and headers.
pub fn init() {
    let level = std::env::var("LOG_LEVEL").ok().and_then(|l| Level::from_str(l.trim()).ok()).unwrap_or(Level::INFO);
    let ours = tracing_subscriber::filter::filter_fn(move |meta| {
        let target = meta.target();
        let third_party =
            ["aws_", "hyper", "h2", "reqwest", "rustls", "lambda_runtime", "jsonrpsee", "subxt", "tokio", "tower"];
        *meta.level() <= Level::WARN || !third_party.iter().any(|name| target.starts_with(name))
    });
    let lines = tracing_subscriber::fmt::layer()
        .json()
        .flatten_event(true)
        .with_current_span(true)
        .with_span_list(false)
        .with_writer(std::io::stdout);
    let installed =
        tracing_subscriber::registry().with(LevelFilter::from_level(level)).with(lines).with(ours).try_init();
    if installed.is_err() {
        tracing::debug!("telemetry.already_initialised");
    }
}
