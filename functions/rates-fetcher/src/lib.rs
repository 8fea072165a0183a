//! Fetches the exchange rates every five minutes, and keeps what came of it in one row.
//!
//! `descrow_domain::rates` decides what is believed. The row is replaced under the condition that it is still the one that was
//! decided upon, and rates older than those known are dropped, so a run may come twice, late or beside another. A fetch that
//! fails leaves the row as it is: it ages, and in the end it prices nothing. A run that leaves nothing to price with fails, so that
//! the function's alarm tells somebody.

mod fetch;
mod handle;
mod settings;
mod source;

pub use fetch::{FetchError, Fetched, fetch};
pub use handle::handle;
pub use settings::Settings;
pub use source::{Source, SourceError};
