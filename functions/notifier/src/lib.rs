//! The notifier: changes of orders and payments become notification rows and realtime messages.
//!
//! It reads the streams of `orders` and `mpesa_transactions`, and of `notifications` what other functions wrote there. What a
//! change means for whom is pure ([`story`]). Each user's messages are numbered and kept before they are pushed, so that a
//! device that was away can ask for them; a record that comes twice is written once, and its messages go out again under the
//! ids they had.
//!
//! A portion of up to 100 changes costs four round trips that follow one another, whatever the number of users: what is known of all
//! of them, one transaction for each user, the devices of each, and whether the sessions stand that these belong to.
//!
//! | it goes wrong | what happens |
//! |---|---|
//! | a user cannot be told | that record and those after it come again; other users were told |
//! | a record, or a row of a user, cannot be understood | it is logged and left behind, and blocks nobody else |
//! | a session has ended | nothing is pushed to its devices; they are closed and forgotten |
//! | a device is gone | its connection row is deleted |
//! | a device is slow | others wait for it once, briefly; it is left alone for a while, and gets its messages by `resume` |

pub mod batch;
pub mod change;
pub mod fan_out;
pub mod rows;
pub mod story;
pub mod wording;
