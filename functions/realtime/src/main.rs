//! WebSocket connect, disconnect and messages.

fn main() {}
