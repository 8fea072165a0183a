//! The store against a DynamoDB in process: every access pattern, its refusals, its races and its round trips.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod chain;
mod changes;
mod conflicts;
mod counters;
mod events;
mod kyc;
mod limits;
mod lists;
mod logins;
mod messages;
mod notifications;
mod orders;
mod payments;
mod products;
mod rates;
mod realtime;
mod refunds;
mod sample;
mod sessions;
mod stock;
mod template;
mod together;
mod users;
