//! Finds what is overdue, lost or stuck, once a minute, and wakes whoever can settle it.
//!
//! Every row that waits for the outside world carries the instant at which it is looked at next (`next_check_at`), or is in
//! the index of open commands. This function reads those indexes and sends wake-ups; it decides nothing and changes nothing,
//! so it can run late, twice or beside itself:
//!
//! | what is overdue | who is woken | and then |
//! |---|---|---|
//! | a collection | `payment-processor` | asks M-Pesa's status query, and decides |
//! | a payout or refund | `payout-sender` | sends it again under the same id, or asks for its status |
//! | a command that did not move for a while | `oracle-submitter` | sends the same bytes again, or signs anew when they expired |
//!
//! Those who are woken set the next instant, by DARAJA.md §4's schedule; after 48 hours they ask a human instead.

mod sweep;

pub use sweep::{Queues, Swept, sweep};
