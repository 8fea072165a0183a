//! Routes under /api/orders: from creation to delivery.

fn main() {}
