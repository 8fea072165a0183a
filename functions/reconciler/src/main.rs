//! Schedule: finds what is overdue, lost or stuck.

fn main() {}
