//! Takes Daraja's callbacks: authenticate, persist, answer 200.

fn main() {}
