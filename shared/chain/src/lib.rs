//! The escrow contract as a Rust API over subxt.
