//! Settles what M-Pesa said of a payment: the only place where a callback or a status query becomes money in the books.
//!
//! A message is a hint, never a fact. A claimed success of a collection is confirmed by a status query before it counts
//! (DARAJA.md §9); what is decided comes from `descrow_domain::payment`, and becomes true in one conditional write of
//! `descrow_store`. The message is deleted after that write, so a crash anywhere repeats the whole, and the repetition finds
//! the payment as the first run left it:
//!
//! | it dies | the message comes again, and |
//! |---|---|
//! | before the status query, or after it | the query is asked again; it is harmless |
//! | after the write | the payment is settled: nothing is done |
//!
//! Money that came and that its order cannot take, since it is paid or given up, is owed back to the phone that it came from in
//! the same write that books it; `payout-sender` sends it.
//!
//! A message nobody can read, or of a payment nobody knows, is retried and ends in the dead-letter queue, where it keeps its
//! raw body and raises an alarm; the payment itself is then settled by the reconciler's schedule.

mod collection;
mod payout;
mod processor;
mod work;

pub use processor::{Failure, Processor};
pub use work::{Unreadable, Work};
