//! SQS: settles what a callback or a status query said of a payment.

fn main() {}
