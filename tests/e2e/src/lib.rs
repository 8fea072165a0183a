//! What the end-to-end tests share: users with a trade between them, and a look behind the API.
//!
//! The tests act as outsiders do, through [`stack_client`]. Only what no outsider can see or do is done as the local AWS's
//! administrator: the books, the contract's events, repeated wake-ups, a schedule that comes early, a process that dies.

pub mod aws;
pub mod books;
pub mod lab;
pub mod process;
pub mod token;

/// What goes wrong in a test, with its reason.
pub type Fault = Box<dyn std::error::Error + Send + Sync>;
/// A step of a test.
pub type Outcome<T> = Result<T, Fault>;
