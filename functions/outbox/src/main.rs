//! DynamoDB streams to queues: wakes the consumers of committed commands and payouts.

fn main() {}
