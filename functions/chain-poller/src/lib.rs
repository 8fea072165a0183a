//! The oracle's eye: reads the contract's events from finalised blocks, in order, and makes them true in our database.
//!
//! What it must not do is pass over an event, and what it may do is read one twice:
//!
//! | it dies | what happens |
//! |---|---|
//! | before a block's events are stored | the cursor stands before the block; the next poller reads it again |
//! | between two events of a block | the first is known by then ([`consequence::Consequence::Known`]), the second is stored |
//! | after the events, before the cursor moved | all of them are known |
//! | and holds the lease | the next poller takes it when it ends |
//! | not at all, but lost the lease while it was frozen | its writes are conditional on the order's version, its cursor on where it stood: it stops |
//!
//! One event is one transaction: order, command, payout and books together. An event that its own order stands against waits
//! ([`parked`]) and stops no other order.

pub mod apply;
pub mod consequence;
pub mod follow;
pub mod parked;
pub mod settings;

use descrow_chain::{Connector, EscrowContract};
use descrow_store::Store;

use crate::consequence::Windows;

/// What the function works with.
#[derive(Debug)]
pub struct Poller {
    /// The database.
    pub store: Store,
    /// The node.
    pub connector: Connector,
    /// The contract.
    pub contract: EscrowContract,
    /// How long each party has.
    pub windows: Windows,
    /// The block to begin at where none was read yet; the finalised head where it is not known.
    pub from_block: Option<u64>,
}

/// Why polling stopped. Nothing is lost: the next poller goes on from the cursor.
#[derive(Debug, thiserror::Error)]
pub enum PollError {
    /// The database.
    #[error(transparent)]
    Store(#[from] descrow_store::StoreError),
    /// The chain.
    #[error(transparent)]
    Chain(#[from] descrow_chain::ChainError),
    /// An order changed again and again under our hands.
    #[error("an order changed under our hands")]
    Contention,
    /// The reference of the event is ours, the order is not there.
    #[error("the order is missing")]
    OrderMissing,
    /// An event that waits is not where it was read.
    #[error("the event is not in its block")]
    NotOnChain,
    /// Somebody else reads the chain.
    #[error("another poller took over")]
    Overtaken,
}
