//! Pushes to WebSocket connections through API Gateway's management API.
//!
//! A push is best effort: what it carries is kept as a notification row, and a device that missed it asks for it again
//! (`resume`). So each push is tried once and briefly, and a device that is slow or gone costs its own messages only.

use std::time::Duration;

use aws_sdk_apigatewaymanagement::{Client, operation::post_to_connection::PostToConnectionError, primitives::Blob};
use aws_smithy_types::{retry::RetryConfig, timeout::TimeoutConfig};
use aws_types::SdkConfig;

use crate::Deadline;

/// The most bytes API Gateway takes in one message to a client (its quota for a WebSocket frame's payload is 128 KiB).
pub const MAX_MESSAGE_BYTES: usize = 128 * 1024;

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
}

/// API Gateway says it by the exception, and by the status where a proxy in front swallowed the exception's name.
fn is_gone(error: &aws_sdk_apigatewaymanagement::error::SdkError<PostToConnectionError>) -> bool {
    error.as_service_error().is_some_and(PostToConnectionError::is_gone_exception)
        || error.raw_response().is_some_and(|response| response.status().as_u16() == 410)
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::TcpListener,
    };

    use super::*;

    /// A management API that answers by the connection's name and remembers what each was sent.
    async fn management_api() -> (String, Arc<Mutex<Vec<String>>>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}/prod", listener.local_addr().unwrap());
        let seen = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&seen);
        tokio::spawn(async move {
            while let Ok((mut socket, _)) = listener.accept().await {
                let log = Arc::clone(&log);
                tokio::spawn(async move {
                    let mut buffer = vec![0; 4096];
                    let mut request = String::new();
                    while !request.contains("|end") {
                        let n = socket.read(&mut buffer).await.unwrap();
                        request.push_str(&String::from_utf8_lossy(&buffer[..n]));
                    }
                    let body = request.rsplit("\r\n").next().unwrap().to_owned();
                    let path = request.split(' ').nth(1).unwrap().to_owned();
                    log.lock().unwrap().push(format!("{path} {body}"));
                    let answer = match path.rsplit('/').next().unwrap() {
                        "gone" => "410 Gone\r\nx-amzn-errortype: GoneException\r\ncontent-length: 0",
                        "swallowed" => "410 Gone\r\ncontent-length: 0",
                        "slow" => return std::future::pending().await,
                        "busy" => "429 Busy\r\nx-amzn-errortype: LimitExceededException\r\ncontent-length: 0",
                        _ => "200 OK\r\ncontent-length: 0",
                    };
                    let answer = format!("HTTP/1.1 {answer}\r\nconnection: close\r\n\r\n");
                    socket.write_all(answer.as_bytes()).await.unwrap();
                });
            }
        });
        (endpoint, seen)
    }

    fn pusher(endpoint: &str) -> Pusher {
        patient(endpoint, Duration::from_millis(300))
    }

    fn patient(endpoint: &str, timeout: Duration) -> Pusher {
        let credentials = aws_credential_types::Credentials::new("test", "test", None, None, "test");
        let config = crate::aws::sdk_config()
            .into_builder()
            .credentials_provider(aws_credential_types::provider::SharedCredentialsProvider::new(credentials))
            .build();
        Pusher::new(&config, endpoint, timeout)
    }

    #[tokio::test]
    async fn messages_arrive_in_order_and_stop_at_the_first_that_fails() {
        let (endpoint, seen) = management_api().await;
        let pusher = pusher(&endpoint);
        let deadline = Deadline::after(Duration::from_secs(10));
        let mut outcomes = Vec::new();
        for connection in ["open", "gone", "swallowed", "busy", "slow"] {
            outcomes.push(pusher.push(connection, &["one|end", "two|end"], deadline).await);
        }
        assert_eq!(outcomes, [Pushed::Delivered, Pushed::Gone, Pushed::Gone, Pushed::Failed, Pushed::Failed]);
        let seen: Vec<String> = seen.lock().unwrap().iter().map(|s| s.replace("/prod/@connections/", "")).collect();
        assert_eq!(
            seen,
            ["open one|end", "open two|end", "gone one|end", "swallowed one|end", "busy one|end", "slow one|end"]
        );
    }

    #[tokio::test]
    async fn nothing_is_waited_for_after_the_deadline() {
        let (endpoint, _) = management_api().await;
        // The push's own patience is an hour: only the deadline ends it.
        let pusher = patient(&endpoint, Duration::from_secs(3_600));
        let sending = pusher.push("slow", &["one|end"], Deadline::after(Duration::from_millis(50)));
        let outcome = tokio::time::timeout(Duration::from_secs(60), sending).await;
        assert_eq!(outcome, Ok(Pushed::Failed));
    }
}
