//! Routes under /api/notifications and the WebSocket ticket.

fn main() {}
