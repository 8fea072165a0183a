//! The developer's command line.

fn main() {}
