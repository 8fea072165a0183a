//! SQS FIFO: sends B2C payouts.

fn main() {}
