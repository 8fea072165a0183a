//! An SQS on loopback for tests of what sends messages: it speaks `SendMessage` in SQS's JSON protocol, takes or refuses,
//! and keeps what was sent.

use std::{
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use aws_sdk_sqs::config::{BehaviorVersion, Credentials, Region};
use serde_json::Value;

/// The stand-in. It lives as long as the test's process.
#[derive(Clone, Debug)]
pub struct TestSqs {
    client: aws_sdk_sqs::Client,
    sent: Arc<Mutex<Vec<Value>>>,
}

impl TestSqs {
    /// One that takes every message.
    pub fn taking() -> Self {
        Self::start(200, r#"{"MessageId":"1"}"#)
    }

    /// One that refuses every message, as if the queue were gone.
    pub fn refusing() -> Self {
        Self::start(400, r#"{"__type":"QueueDoesNotExist"}"#)
    }

    /// A client of it.
    pub fn client(&self) -> aws_sdk_sqs::Client {
        self.client.clone()
    }

    /// The requests so far, as SQS got them.
    pub fn sent(&self) -> Vec<Value> {
        self.sent.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    #[allow(clippy::expect_used, reason = "a test without its stand-in has nothing to do")]
    fn start(status: u16, answer: &'static str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a loopback port");
        let address = listener.local_addr().expect("a bound socket has an address");
        let sent = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&sent);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                if let Some(message) = serve(stream, status, answer) {
                    log.lock().unwrap_or_else(PoisonError::into_inner).push(message);
                }
            }
        });
        let config = aws_sdk_sqs::Config::builder()
            .behavior_version(BehaviorVersion::v2026_01_12())
            .region(Region::new("eu-west-1"))
            .credentials_provider(Credentials::new("key", "secret", None, None, "test"))
            .endpoint_url(format!("http://{address}"))
            .http_client(crate::aws_http::client(Duration::from_secs(2)))
            .build();
        Self { client: aws_sdk_sqs::Client::from_conf(config), sent }
    }
}

/// Reads one request and answers it; its body where it is JSON.
fn serve(mut stream: TcpStream, status: u16, answer: &str) -> Option<Value> {
    let mut request = Vec::new();
    let body = loop {
        let mut chunk = [0; 4096];
        let read = stream.read(&mut chunk).ok().filter(|read| *read > 0)?;
        request.extend_from_slice(chunk.get(..read)?);
        let text = String::from_utf8_lossy(&request).into_owned();
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let length = head.lines().find_map(|line| line.to_lowercase().strip_prefix("content-length: ")?.parse().ok());
        if body.len() >= length.unwrap_or(0) {
            break body.to_owned();
        }
    };
    let message = serde_json::from_str(&body).ok();
    let head = format!("HTTP/1.1 {status} x\r\ncontent-type: application/x-amz-json-1.0\r\nconnection: close");
    let _closed = write!(stream, "{head}\r\ncontent-length: {}\r\n\r\n{answer}", answer.len());
    message
}
