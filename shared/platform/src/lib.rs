//! What every function needs of its surroundings: configuration, telemetry, AWS clients, deadlines, queues.
//!
//! `main.rs` of a function wires these and nothing else: [`start()`] (telemetry and configuration) → clients → run.

pub mod aws;
pub mod aws_http;
#[cfg(feature = "bucket")]
pub mod bucket;
pub mod config;
pub mod deadline;
pub mod http_client;
#[cfg(feature = "websocket")]
pub mod push;
#[cfg(feature = "sqs")]
pub mod queue;
pub mod secret;
mod start;
pub mod telemetry;
#[cfg(feature = "testing")]
pub mod testing;
#[cfg(feature = "sqs")]
pub mod wake;

pub use config::{Config, ConfigError};
pub use deadline::Deadline;
pub use secret::Secret;
pub use start::start;
