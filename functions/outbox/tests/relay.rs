//! The whole function against an SQS on loopback that takes or refuses.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use std::{
    io::{Read, Write},
    net::TcpListener,
    sync::{Arc, Mutex},
    time::Duration,
};

use aws_lambda_events::event::dynamodb::Event;
use aws_smithy_http_client::Builder;
use descrow_platform::{Deadline, wake::FifoQueue};
use outbox::relay::{Queues, relay};
use serde_json::{Value, json};

/// Answers `SendMessage` in SQS's JSON protocol with `status`, and keeps what was sent.
fn sqs(status: u16) -> (aws_sdk_sqs::Client, Arc<Mutex<Vec<Value>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let sent = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&sent);
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut request = Vec::new();
            let body = loop {
                let mut chunk = [0; 4096];
                let n = stream.read(&mut chunk).unwrap();
                request.extend_from_slice(&chunk[..n]);
                let text = String::from_utf8_lossy(&request).to_string();
                let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
                let length = head.lines().find_map(|l| l.to_lowercase().strip_prefix("content-length: ")?.parse().ok());
                if body.len() >= length.unwrap_or(0) {
                    break body.to_owned();
                }
            };
            log.lock().unwrap().push(serde_json::from_str(&body).unwrap());
            let answer = if status == 200 { r#"{"MessageId":"1"}"# } else { r#"{"__type":"QueueDoesNotExist"}"# };
            write!(stream, "HTTP/1.1 {status} x\r\ncontent-type: application/x-amz-json-1.0\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{answer}", answer.len()).unwrap();
        }
    });
    let config = aws_sdk_sqs::Config::builder()
        .behavior_version(aws_sdk_sqs::config::BehaviorVersion::v2026_01_12())
        .region(aws_sdk_sqs::config::Region::new("eu-west-1"))
        .credentials_provider(aws_sdk_sqs::config::Credentials::new("key", "secret", None, None, "test"))
        .endpoint_url(format!("http://{address}"))
        .http_client(Builder::new().build_http())
        .build();
    (aws_sdk_sqs::Client::from_conf(config), sent)
}

fn queues(client: &aws_sdk_sqs::Client) -> Queues {
    Queues {
        oracle_commands: FifoQueue::new(client.clone(), "http://sqs/oracle-commands.fifo".into()),
        payouts: FifoQueue::new(client.clone(), "http://sqs/payouts.fifo".into()),
    }
}

fn sample() -> Event {
    serde_json::from_str(include_str!("../../../events/outbox.json")).unwrap()
}

#[tokio::test]
async fn each_waiting_row_of_the_batch_is_sent_to_its_queue_in_order() {
    let (client, sent) = sqs(200);
    let response = relay(sample(), &queues(&client), Deadline::after(Duration::from_secs(10))).await;
    assert!(response.batch_item_failures.is_empty());
    let (order, payout) = ("0190a2b0-0000-7000-8000-000000000001", "f6a2c0de-0000-5000-8000-000000000002");
    let expected = [
        json!({
            "QueueUrl": "http://sqs/oracle-commands.fifo", "MessageGroupId": "contract",
            "MessageBody": format!("{{\"v\":1,\"id\":\"create_order#{order}\"}}"),
            "MessageDeduplicationId": format!("create_order#{order}@1"),
        }),
        json!({
            "QueueUrl": "http://sqs/payouts.fifo", "MessageGroupId": order,
            "MessageBody": format!("{{\"v\":1,\"id\":\"{payout}\"}}"),
            "MessageDeduplicationId": format!("{payout}@1"),
        }),
    ];
    assert_eq!(*sent.lock().unwrap(), expected);
}

#[tokio::test]
async fn the_batch_stops_at_the_first_message_that_is_not_taken() {
    let (client, sent) = sqs(400);
    let response = relay(sample(), &queues(&client), Deadline::after(Duration::from_secs(10))).await;
    let failed: Vec<_> = response.batch_item_failures.iter().map(|f| f.item_identifier.as_deref()).collect();
    assert_eq!(failed, [Some("100")]);
    assert_eq!(sent.lock().unwrap().len(), 1);
}
