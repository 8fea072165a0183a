//! Takes Daraja's callbacks: authenticate the URL, keep the raw body durably, answer 200. Nothing else.
//!
//! Safaricom delivers a callback once and never again (DARAJA.md §9), so the answer is 200 whatever came: an error would gain
//! nothing and could lose the only copy. The URL's token is an HMAC of the payment's id, so it is verified without a read;
//! the one downstream call is the message to `mpesa-callbacks`. A wrong token gets the same answer as a right one, so nobody
//! learns by trying; it is counted and dropped.
//!
//! | what fails | what is left |
//! |---|---|
//! | SQS does not take the message | an error in the log that names the payment; the reconciler's status query finds the outcome |
//! | the function dies before the send | nothing; the same |
//! | after the send, before the answer | the message; Safaricom sees an error and does nothing |

mod accept;
mod target;

pub use accept::Webhook;
pub use target::{Target, target};
