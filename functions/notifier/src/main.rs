//! DynamoDB stream: notification rows and WebSocket pushes.

fn main() {}
