//! The outbox: committed rows become wake-ups.
//!
//! A command for the contract or a payout is committed together with the change that calls for it, in one transaction.
//! What follows leaves by the table's stream, and this function turns it into a message on a FIFO queue. No writer sends a
//! message itself, so there is no moment in which a row exists and its message was forgotten, or the reverse.
//!
//! | it dies | what happens |
//! |---|---|
//! | before a message was sent | the stream delivers the record again |
//! | after a message was sent | the record comes again; SQS drops the second message, and its consumer would survive it |
//! | for as long as the stream keeps records | the reconciler finds the row still open and wakes it |

pub mod relay;
pub mod route;
