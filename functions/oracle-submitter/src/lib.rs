//! The oracle's pen: takes commands from `chain_commands` and writes them to the escrow contract.
//!
//! The queue is FIFO with one message group, so there is one writer at a time and one sequence of nonces. A message only says
//! which command to look at; what is done follows from the command's row and from the contract:
//!
//! | row | contract | done |
//! |---|---|---|
//! | final, failed, gone | – | nothing |
//! | queued | shows the effect | nothing: the poller ends the command when it reads the event |
//! | queued | refuses it in a dry-run | failed, with the contract's reason; no fee was paid |
//! | queued | lacks what an open command before it brings | left queued; the poller wakes it when that is final |
//! | queued | would take it | signed, **stored**, sent |
//! | submitted | its bytes can still be included | the same bytes are sent again |
//! | submitted | they cannot, and a final block shows no effect | queued anew |
//! | submitted | they cannot, and a final block shows the effect | nothing |
//!
//! Bytes cannot be included any more when a final block is past their mortality, or has used up their nonce.
//!
//! # What if it dies
//!
//! | it dies | what happens |
//! |---|---|
//! | before the signed bytes are stored | nothing was sent; the message comes again and the command is signed |
//! | after they are stored, before they are sent | the message comes again and finds the row submitted: the bytes are sent |
//! | after they are sent, before the answer | the message comes again and the same bytes are sent: the chain takes them once |
//! | after the answer | the message comes again: the same |
//! | and the message is lost or ends in the dead-letter queue | the reconciler wakes the command |
//! | and the node loses the bytes | the reconciler wakes the command, and they are sent again until their mortality ends |
//! | after an extrinsic of several payments is stored | all their rows were stored in one transaction: each leads to the same bytes |
//!
//! Two records of one payment are impossible twice over: only stored bytes are sent, and the contract takes a payment's hash
//! once.

pub mod call;
pub mod handle;
mod nonce;
pub mod progress;
pub mod send;
pub mod settings;
pub mod sign;

use descrow_chain::{Connector, EscrowContract, OracleSigner};
use descrow_store::Store;

/// What the function works with.
#[derive(Debug)]
pub struct Submitter {
    /// The database.
    pub store: Store,
    /// The node.
    pub connector: Connector,
    /// The contract.
    pub contract: EscrowContract,
    /// The key.
    pub signer: OracleSigner,
}

/// Why a command could not be looked after now. Its message comes again.
#[derive(Debug, thiserror::Error)]
pub enum SubmitError {
    /// The message's body is not one of ours.
    #[error("the message is not understood")]
    Message,
    /// The database.
    #[error(transparent)]
    Store(#[from] descrow_store::StoreError),
    /// The chain.
    #[error(transparent)]
    Chain(#[from] descrow_chain::ChainError),
    /// The runtime would not execute any call: no funds, no contract, an unmapped account.
    #[error("the runtime refuses the call: {0}")]
    NotExecutable(String),
    /// Other writers changed the same rows again and again.
    #[error("the command changed under our hands")]
    Contention,
}
