//! The demo: one order paid by M-Pesa, from the product to the seller's payout, played as outsiders would.

mod failure;
mod logs;
mod play;
mod timeline;

use std::{path::Path, time::Duration};

pub use failure::DemoFailure;
pub use timeline::Timeline;

use crate::stack::Stack;

/// What the demo did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Summary {
    /// The order's id.
    pub order: String,
    /// What the buyer paid and the seller got, in whole shillings.
    pub amount_kes: u64,
    /// Hash of the extrinsic that recorded the payment.
    pub extrinsic: String,
    /// Number of the block that holds it.
    pub block: u64,
    /// WebSocket messages that came to both.
    pub messages: usize,
    /// How long it took.
    pub took: Duration,
}

/// Plays the order on the stack that `stack_json` describes, and prints a timeline: for people, or as JSON lines.
///
/// # Errors
/// [`DemoFailure`] names the step, the reason and what the functions concerned logged.
pub async fn run(stack_json: &Path, json: bool) -> Result<Summary, DemoFailure> {
    let timeline = Timeline::new(json);
    let result = match Stack::read(stack_json) {
        Ok(stack) => play::play(&stack, &timeline).await,
        Err(error) => Err(DemoFailure::new("reading the stack's description", &error, Vec::new())),
    };
    match &result {
        Ok(summary) => timeline.finish(summary),
        Err(failure) => timeline.fail(failure),
    }
    result
}
