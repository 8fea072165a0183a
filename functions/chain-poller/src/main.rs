//! Schedule: reads finalised contract events into the database.

fn main() {}
