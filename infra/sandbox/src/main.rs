//! The outside world, simulated: Daraja with a phone, Pinata and an IPFS gateway.

fn main() {}
