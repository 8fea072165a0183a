//! Sends B2C payouts, and asks what became of those that were never answered.
//!
//! A payout is paid once because of its id: the row's id is the `OriginatorConversationID`, the same on every send, and
//! M-Pesa refuses the second request with it (DARAJA.md §5.2). So not knowing is never dangerous, and the recipe is short:
//! while M-Pesa may not have the request, send it again; once it has it, wait for the result, and ask when it is late.
//! A new id is made only after a final failure or a refused request: by an admin, or here where the failure was a passing one and
//! the time that `payment-processor` set for it has come. An attempt is not sent while an earlier one may have paid after all.
//!
//! | it dies | the row says | and then |
//! |---|---|---|
//! | before the send | sending | the wake-up comes again: sent, with the same id |
//! | after the send, before its answer is written | sending | the same: M-Pesa says "duplicate", which means that it has it |
//! | after another attempt is queued | failed, still due | the wake-up comes again, and finds that attempt |
//! | after the answer is written | sent | nothing to send; the result comes, or the reconciler has it asked for |
//!
//! When M-Pesa refuses our credentials or configuration, cannot be reached, or has had too many calls, nothing is lost and nothing
//! happened: a payout that no earlier send can have brought there is queued again, so that a dispute can still take it back, and
//! it is sent for as long as it takes, every four hours in the end. For a wrong configuration the message goes back too, and an
//! error is logged for the alarm. Only M-Pesa's silence, counted from the first send that may have arrived, ends after 48 hours,
//! with a human.
//!
//! M-Pesa's refusal of a request itself ends the payout only where no earlier send of it can have arrived: then nothing was
//! paid, and an admin sends it anew under another id. Else it ends as silence does.

mod send;

pub use send::{Failure, PayoutSender};
