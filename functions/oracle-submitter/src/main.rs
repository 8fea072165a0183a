//! SQS FIFO: signs and submits commands to the escrow contract.

fn main() {}
