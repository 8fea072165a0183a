//! Routes under /api/products: the catalogue and its images.

fn main() {}
