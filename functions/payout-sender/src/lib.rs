//! Sends B2C payouts, and asks what became of those that were never answered.
//!
//! A payout is paid once because of its id: the row's id is the `OriginatorConversationID`, the same on every send, and
//! M-Pesa refuses the second request with it (DARAJA.md §5.2). So not knowing is never dangerous, and the recipe is short:
//! while M-Pesa may not have the request, send it again; once it has it, wait for the result, and ask when it is late.
//! A new id is made only after a final failure: by an admin, or here where the failure was a passing one and the time that
//! `payment-processor` set for it has come. An attempt is not sent while an earlier one may have paid after all.
//!
//! | it dies | the row says | and then |
//! |---|---|---|
//! | before the send | sending | the wake-up comes again: sent, with the same id |
//! | after the send, before its answer is written | sending | the same: M-Pesa says "duplicate", which means that it has it |
//! | after another attempt is queued | failed, still due | the wake-up comes again, and finds that attempt |
//! | after the answer is written | sent | nothing to send; the result comes, or the reconciler has it asked for |
//!
//! When M-Pesa refuses our credentials or configuration, nothing is lost and nothing can succeed: the row stays, the message
//! goes back, and an error is logged for the alarm. Its own check comes at ever longer intervals, so that a locked
//! initiator (code 8006) is not hammered.

mod send;

pub use send::{Failure, PayoutSender};
