//! The simulated outside world, for the local stack and for tests: Safaricom's Daraja with a customer's phone behind it, Pinata
//! with a gateway, and CoinGecko's prices. Loopback only.
//!
//! Daraja is as strict as the portal (it refuses what Safaricom refuses, with Safaricom's error bodies) and as nasty as
//! experience says (DARAJA.md §13): every misbehaviour is a [`Rule`] that matches an operation and a phone and lasts for a
//! number of times. `infra/sandbox/README.md` lists the control API, the behaviours and the credentials.

mod answer;
mod behaviour;
mod control;
mod daraja;
mod door;
mod ipfs;
mod journal;
mod ledger;
mod rates;
mod server;
mod settings;
mod world;

pub use behaviour::{Behaviour, DuplicateStyle, Operation, Rule};
pub use daraja::{
    Answer, CONSUMER_KEY, CONSUMER_SECRET, INITIATOR, PASSKEY, PAYOUT_SHORTCODE, SECURITY_CREDENTIAL, SHORTCODE,
};
pub use ipfs::{API_KEY, API_SECRET, JWT};
pub use server::{Options, Sandbox, StartError};
pub use settings::{Policy, Settings};
