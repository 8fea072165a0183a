//! Pushes to WebSocket connections through API Gateway's management API.
//!
//! A push is best effort: what it carries is kept as a notification row, and a device that missed it asks for it again
//! (`resume`). So each push is tried once and briefly, and a device that is slow or gone costs its own messages only.

#[cfg(feature = "websocket-testing")]
pub mod testing;

use std::time::Duration;

use aws_sdk_apigatewaymanagement::{
    Client,
    operation::{delete_connection::DeleteConnectionError, post_to_connection::PostToConnectionError},
    primitives::Blob,
};
use aws_smithy_types::{retry::RetryConfig, timeout::TimeoutConfig};
use aws_types::SdkConfig;

use crate::Deadline;

/// What became of the messages for one connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pushed {
    /// API Gateway took all of them.
    Delivered,
    /// The connection is closed: whoever keeps a record of it can forget it.
    Gone,
    /// One of them was refused or not answered in time; the rest was not tried, to keep their order.
    Failed,
}

/// Pushes messages to connections of one WebSocket API.
#[derive(Clone, Debug)]
pub struct Pusher {
    client: Client,
    patience: Duration,
}

impl Pusher {
    /// Pushes through `endpoint`, the management URL of the API's stage, giving each message `patience`.
    pub fn new(config: &SdkConfig, endpoint: &str, patience: Duration) -> Self {
        let once = aws_sdk_apigatewaymanagement::config::Builder::from(config)
            .endpoint_url(endpoint)
            .retry_config(RetryConfig::disabled())
            .timeout_config(TimeoutConfig::builder().connect_timeout(patience).operation_timeout(patience).build())
            .build();
        Self { client: Client::from_conf(once), patience }
    }

    /// Sends `messages` to `connection`, one after the other, until one fails or `deadline` passes.
    pub async fn push(&self, connection: &str, messages: &[impl AsRef<str>], deadline: Deadline) -> Pushed {
        for message in messages {
            let request = self
                .client
                .post_to_connection()
                .connection_id(connection)
                .data(Blob::new(message.as_ref().as_bytes()))
                .send();
            match deadline.within(self.patience).bound(request).await {
                Ok(Ok(_)) => {}
                Ok(Err(error)) if is_gone(&error) => return Pushed::Gone,
                Ok(Err(error)) => {
                    let reason = error.as_service_error().and_then(|e| e.meta().code()).unwrap_or("no_answer");
                    tracing::warn!(reason, "push.failed");
                    return Pushed::Failed;
                }
                Err(_) => {
                    tracing::warn!(reason = "timeout", "push.failed");
                    return Pushed::Failed;
                }
            }
        }
        Pushed::Delivered
    }

    /// Closes `connection`, so that its client knows that it hears nothing any more. One that is closed already is as good;
    /// one that could not be closed is closed by whoever tries next, or by API Gateway after two hours.
    pub async fn close(&self, connection: &str, deadline: Deadline) {
        let request = self.client.delete_connection().connection_id(connection).send();
        let reason = match deadline.within(self.patience).bound(request).await {
            Ok(Ok(_)) => return,
            Ok(Err(error)) if error.as_service_error().is_some_and(DeleteConnectionError::is_gone_exception) => return,
            Ok(Err(error)) => error.as_service_error().and_then(|e| e.meta().code()).unwrap_or("no_answer").to_owned(),
            Err(_) => "timeout".to_owned(),
        };
        tracing::warn!(reason, "push.not_closed");
    }
}

/// API Gateway says it by the exception, and by the status where a proxy in front swallowed the exception's name.
fn is_gone(error: &aws_sdk_apigatewaymanagement::error::SdkError<PostToConnectionError>) -> bool {
    error.as_service_error().is_some_and(PostToConnectionError::is_gone_exception)
        || error.raw_response().is_some_and(|response| response.status().as_u16() == 410)
}

#[cfg(test)]
mod tests {
    use super::{testing::ManagementApi, *};

    fn soon() -> Deadline {
        Deadline::after(Duration::from_secs(10))
    }

    #[tokio::test]
    async fn messages_arrive_in_order_and_stop_at_the_first_that_fails() {
        let api = ManagementApi::start().await;
        let pusher = api.pusher(Duration::from_millis(300));
        let mut outcomes = Vec::new();
        for connection in ["open", "gone", "swallowed", "busy", "slow"] {
            outcomes.push(pusher.push(connection, &["one", "two"], soon()).await);
        }
        assert_eq!(outcomes, [Pushed::Delivered, Pushed::Gone, Pushed::Gone, Pushed::Failed, Pushed::Failed]);
        let expected =
            ["POST open one", "POST open two", "POST gone one", "POST swallowed one", "POST busy one", "POST slow one"];
        assert_eq!(api.seen(), expected);
    }

    #[tokio::test]
    async fn a_connection_is_closed_once_and_nobody_waits_for_one_that_cannot_be() {
        let api = ManagementApi::start().await;
        let pusher = api.pusher(Duration::from_millis(300));
        for connection in ["open", "gone", "busy", "slow"] {
            pusher.close(connection, soon()).await;
        }
        assert_eq!(api.seen(), ["DELETE open ", "DELETE gone ", "DELETE busy ", "DELETE slow "]);
    }

    #[tokio::test]
    async fn nothing_is_waited_for_after_the_deadline() {
        let api = ManagementApi::start().await;
        // The push's own patience is an hour: only the deadline ends it.
        let pusher = api.pusher(Duration::from_secs(3_600));
        let sending = pusher.push("slow", &["one"], Deadline::after(Duration::from_millis(50)));
        let outcome = tokio::time::timeout(Duration::from_secs(60), sending).await;
        assert_eq!(outcome, Ok(Pushed::Failed));
    }
}
