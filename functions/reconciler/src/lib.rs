//! Finds what is overdue, lost or stuck, once a minute, and sets it going again.
//!
//! It does two things, each from the index that holds what is overdue, and each safe to do late, twice or beside another run:
//!
//! **It wakes.** Every payment and command that waits for the outside world carries the instant at which it is looked at next
//! (`next_check_at`), or is in the index of open commands. [`sweep`] sends wake-ups for them and changes nothing:
//!
//! | what is overdue | who is woken | and then |
//! |---|---|---|
//! | a collection | `payment-processor` | asks M-Pesa's status query, and decides |
//! | a payout or refund | `payout-sender` | sends it again under the same id, asks for its status, or makes another attempt |
//! | a command that did not move for a while | `oracle-submitter` | sends the same bytes again, or signs anew when they expired |
//!
//! Those who are woken set the next instant, by DARAJA.md §4's schedule; after 48 hours they ask a human instead.
//!
//! **It ends windows.** An order whose party let its time pass is moved by [`end_windows`], as the domain says: cancelled,
//! cancelled with a refund, delivered, or closed to evidence. It asks for the move as a party would, in the name of nobody.

mod sweep;
mod timers;

pub use sweep::{Queues, Swept, sweep};
pub use timers::{Ended, end_windows};
