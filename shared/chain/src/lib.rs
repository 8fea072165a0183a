//! The escrow contract as a Rust API: typed commands in, typed events and order states out, over subxt.
//!
//! Two seams, which know nothing of each other (DESIGN §8):
//! - the **ABI** ([`solidity`]): how a message, an event, an order and a refusal are written in bytes. It is read from ABI
//!   JSON at start-up; parameters are found by name, so a contract of another version needs no rebuild;
//! - the **pallet** ([`revive`]): how those bytes reach a contract, are dry-run, and come back as events. It is found in
//!   the chain's metadata; nothing is generated from a particular runtime.
//!
//! [`EscrowContract`] joins them; [`Chain`] is the connection. Every call to the chain is bounded by a [`Deadline`].
//!
//! [`Deadline`]: descrow_platform::Deadline

pub mod address;
pub mod call;
pub mod connection;
pub mod contract;
pub mod deploy;
pub mod error;
pub mod event;
pub mod funding;
#[cfg(feature = "local-chain")]
pub mod local_chain;
#[cfg(feature = "local-chain")]
pub mod polkadot_js;
pub mod revive;
pub mod signer;
pub mod solidity;
pub mod unsigned;

pub use address::{Address, OrderRef};
pub use call::{EscrowCall, OffchainPayment, Resolution};
pub use connection::{At, BlockId, Chain, Connector, FinalizedHeads, Submission};
pub use contract::{DryRun, EscrowContract, SignedExtrinsic};
pub use error::{ChainError, DryRunError, Refusal};
pub use event::{ContractEvent, ContractStatus, EscrowEvent, OrderState};
pub use funding::{Funding, FundingFailure};
pub use signer::OracleSigner;
pub use unsigned::{NothingToSign, Runtime, Unsigned, UnsignedCall};
