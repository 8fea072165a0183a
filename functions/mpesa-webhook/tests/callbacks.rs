//! The whole function with its sample events, against an SQS on loopback that takes or refuses.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that cannot go on should stop")]

use std::{
    io::{Read, Write},
    net::TcpListener,
    sync::{Arc, Mutex},
    time::Duration,
};

use descrow_mpesa::{CallbackKind, CallbackMessage, CallbackSecret};
use descrow_platform::{Deadline, Secret, wake::StandardQueue};
use lambda_http::Request;
use mpesa_webhook::Webhook;
use serde_json::Value;

type Sent = Arc<Mutex<Vec<Value>>>;

/// Answers `SendMessage` in SQS's JSON protocol with `status`, and keeps what was sent.
fn sqs(status: u16) -> (aws_sdk_sqs::Client, Sent) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let sent = Sent::default();
    let log = Arc::clone(&sent);
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut request = Vec::new();
            let body = loop {
                let mut chunk = [0; 4096];
                let n = stream.read(&mut chunk).unwrap();
                request.extend_from_slice(&chunk[..n]);
                let text = String::from_utf8_lossy(&request).into_owned();
                let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
                let length = head.lines().find_map(|l| l.to_lowercase().strip_prefix("content-length: ")?.parse().ok());
                if body.len() >= length.unwrap_or(0) {
                    break body.to_owned();
                }
            };
            log.lock().unwrap().push(serde_json::from_str(&body).unwrap());
            let answer = if status == 200 { r#"{"MessageId":"1"}"# } else { r#"{"__type":"QueueDoesNotExist"}"# };
            let head = format!("HTTP/1.1 {status} x\r\ncontent-type: application/x-amz-json-1.0\r\nconnection: close");
            write!(stream, "{head}\r\ncontent-length: {}\r\n\r\n{answer}", answer.len()).unwrap();
        }
    });
    let config = aws_sdk_sqs::Config::builder()
        .behavior_version(aws_sdk_sqs::config::BehaviorVersion::v2026_01_12())
        .region(aws_sdk_sqs::config::Region::new("eu-west-1"))
        .credentials_provider(aws_sdk_sqs::config::Credentials::new("key", "secret", None, None, "test"))
        .endpoint_url(format!("http://{address}"))
        .http_client(aws_smithy_http_client::Builder::new().build_http())
        .build();
    (aws_sdk_sqs::Client::from_conf(config), sent)
}

fn webhook(client: aws_sdk_sqs::Client) -> Webhook {
    Webhook {
        // The key that the URLs of the samples were made with.
        secret: CallbackSecret::new(Secret::new("0123456789abcdef0123456789abcdef")),
        queue: StandardQueue::new(client, "http://sqs/mpesa-callbacks".into()),
        source_ips: vec!["192.0.2.1".parse().unwrap()],
    }
}

fn event(name: &str) -> Value {
    let path = format!("{}/../../events/{name}.json", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

/// Hands `event` to the function, which must answer 200 as every integration does.
async fn call(event: &Value, client: aws_sdk_sqs::Client) {
    let request: Request = lambda_http::request::from_str(&event.to_string()).unwrap();
    let response = webhook(client).accept(&request, Deadline::after(Duration::from_secs(5))).await;
    assert_eq!(response.status(), 200);
    assert_eq!(response.body().as_ref(), br#"{"ResultCode":0,"ResultDesc":"Accepted"}"#);
}

/// What was put on the queue.
async fn kept(event: &Value) -> Vec<CallbackMessage> {
    let (client, sent) = sqs(200);
    call(event, client).await;
    let sent = sent.lock().unwrap();
    sent.iter().map(|m| serde_json::from_str(m["MessageBody"].as_str().unwrap()).unwrap()).collect()
}

#[tokio::test]
async fn a_callback_is_kept_as_it_came_whatever_its_path() {
    for (name, kind) in [
        ("mpesa-webhook", CallbackKind::Stk),
        ("mpesa-webhook-timeout", CallbackKind::Timeout),
        ("mpesa-webhook-alias", CallbackKind::Status),
    ] {
        let event = event(name);
        let messages = kept(&event).await;
        let [message] = messages.as_slice() else { panic!("{name}: {messages:?}") };
        assert_eq!((message.v, message.kind), (CallbackMessage::VERSION, kind), "{name}");
        assert_eq!(message.payment_id, "01998f003333700080000000000000a3".parse().unwrap());
        assert_eq!(message.body(), event["body"].as_str(), "{name}");
        // Not on our list of Safaricom's addresses, and kept all the same.
        assert_eq!(message.source_ip.as_deref(), Some("196.201.212.69"));
        assert!(message.callback().is_ok(), "{name}");
    }
}

#[tokio::test]
async fn bytes_that_are_no_text_are_kept_too() {
    let messages = kept(&event("mpesa-webhook-binary")).await;
    assert_eq!((messages[0].kind, messages[0].body()), (CallbackKind::Unrecognised, None));
}

#[tokio::test]
async fn a_wrong_url_gets_the_same_answer_and_leaves_nothing() {
    let mut elsewhere = event("mpesa-webhook");
    elsewhere["path"] = "/hooks/nonsense".into();
    let mut get = event("mpesa-webhook");
    get["httpMethod"] = "GET".into();
    let mut another_payments = event("mpesa-webhook");
    let path = another_payments["path"].as_str().unwrap().replace("00a3", "00a4");
    another_payments["path"] = path.into();
    for wrong in [event("mpesa-webhook-forged"), elsewhere, get, another_payments] {
        assert_eq!(kept(&wrong).await, []);
    }
}

#[tokio::test]
async fn a_body_too_large_for_the_queue_is_answered_and_not_kept() {
    let mut large = event("mpesa-webhook");
    large["body"] = "x".repeat(200 * 1024).into();
    assert_eq!(kept(&large).await, []);
}

#[tokio::test]
async fn a_queue_that_refuses_is_no_reason_to_refuse_safaricom() {
    let (client, sent) = sqs(400);
    call(&event("mpesa-webhook"), client).await;
    assert_eq!(sent.lock().unwrap().len(), 1, "one downstream call");
}
