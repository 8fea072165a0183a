//! A client of the deployed stack: what a wallet, a browser and a phone would do, and nothing else.
//!
//! It knows the stack by its `stack.json`, speaks REST and WebSocket, and signs with sr25519 keys made from secret URIs. It
//! has no access to the database, the queues or the chain.

pub mod api;
pub mod demo;
pub mod inbox;
pub mod market;
pub mod phone;
pub mod png;
pub mod session;
pub mod socket;
pub mod stack;
pub mod wallet;
