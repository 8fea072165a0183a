//! The deployed stack, as outsiders see it: every real component, only the phone is simulated.
//!
//! `DESCROW_STACK` names the description of the running stack (`target/local/stack.json` where it is not set; `cargo xtask
//! up` makes one). Each test has users, phones and an order of its own, so they run side by side; the one that kills a
//! function's process runs alone.

mod access;
mod admin;
mod analytics;
mod callbacks;
mod catalogue;
mod disputes;
mod dot;
mod kyc;
mod messages;
mod payments;
mod rates;
mod realtime;
mod recovery;
mod routes;
mod timers;

use e2e::{Outcome, lab::Lab};
use tokio::sync::RwLock;

/// Held to write by a test that disturbs the others.
static CALM: RwLock<()> = RwLock::const_new(());

#[tokio::test]
async fn the_demo_plays_an_order_from_login_to_payout() -> Outcome<()> {
    let _calm = CALM.read().await;
    let summary = stack_client::demo::run(&Lab::stack_file(), true).await?;
    assert!(summary.extrinsic.starts_with("0x") && summary.extrinsic.len() == 66, "{summary:?}");
    assert!(summary.amount_kes > 0 && summary.block > 0 && summary.messages >= 20, "{summary:?}");
    Ok(())
}
