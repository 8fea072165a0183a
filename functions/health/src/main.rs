//! GET /health and GET /openapi.json.

fn main() {}
