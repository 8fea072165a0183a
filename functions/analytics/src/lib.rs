//! Analytics: the streams of `orders` and `ledger` become the counters that admins see.
//!
//! What a changed row counts for is pure (`descrow_domain::analytics`). What a batch counts for is added up and written in one
//! transaction together with a mark for each change, so a change counts once however often its record comes.
//!
//! | it goes wrong | what happens |
//! |---|---|
//! | it dies before the transaction | the stream delivers the records again |
//! | it dies after the transaction | they come again, and are known by their marks |
//! | the table refuses | the first record that was not counted is reported, and comes again with those after it |
//! | a row cannot be read | the others are counted; its record is reported until the stream gives it up to `stream-failures`, whose alarm rings |
//!
//! Changes may be counted in any order, so no record waits for another. After a row was given up, `cargo xtask recount` says by
//! how much the counters are off, and `--repair` sets them right.

pub mod batch;
pub mod change;
