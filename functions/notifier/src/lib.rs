//! The notifier: changes of orders and payments become notification rows and realtime messages.
//!
//! It reads the streams of `orders` and `mpesa_transactions`. What a change means for whom is pure ([`story`]); the row is
//! written before its message is pushed, so that a device that was away can ask for it; the ids follow from the change, so
//! that a record delivered twice writes once and its messages carry the ids they had.
//!
//! | it goes wrong | what happens |
//! |---|---|
//! | a row cannot be written or read | its record and those after it come again; other orders of the batch went on |
//! | a record cannot be understood | it is logged and left behind, and blocks nobody |
//! | a device is gone | its connection row is deleted |
//! | a device is slow | it costs its own messages only; it gets them by `resume` |

pub mod batch;
pub mod change;
pub mod fan_out;
pub mod rows;
pub mod story;
pub mod wording;
