//! The whole function with its sample events, against an SQS on loopback that takes or refuses.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that cannot go on should stop")]

use std::time::Duration;

use descrow_mpesa::{CallbackKind, CallbackMessage, CallbackSecret};
use descrow_platform::{Deadline, Secret, testing::TestSqs, wake::StandardQueue};
use lambda_http::Request;
use mpesa_webhook::Webhook;
use serde_json::Value;

fn webhook(sqs: &TestSqs) -> Webhook {
    Webhook {
        // The key that the URLs of the samples were made with.
        secret: CallbackSecret::new(Secret::new("0123456789abcdef0123456789abcdef")),
        queue: StandardQueue::new(sqs.client(), "http://sqs/mpesa-callbacks".into()),
        source_ips: vec!["192.0.2.1".parse().unwrap()],
    }
}

fn event(name: &str) -> Value {
    let path = format!("{}/../../events/{name}.json", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

/// Hands `event` to the function, which must answer 200 as every integration does.
async fn call(event: &Value, sqs: &TestSqs) {
    let request: Request = lambda_http::request::from_str(&event.to_string()).unwrap();
    let response = webhook(sqs).accept(&request, Deadline::after(Duration::from_secs(5))).await;
    assert_eq!(response.status(), 200);
    assert_eq!(response.body().as_ref(), br#"{"ResultCode":0,"ResultDesc":"Accepted"}"#);
}

/// What was put on the queue.
async fn kept(event: &Value) -> Vec<CallbackMessage> {
    let sqs = TestSqs::taking();
    call(event, &sqs).await;
    sqs.sent().iter().map(|m| serde_json::from_str(m["MessageBody"].as_str().unwrap()).unwrap()).collect()
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
    let sqs = TestSqs::refusing();
    call(&event("mpesa-webhook"), &sqs).await;
    assert_eq!(sqs.sent().len(), 1, "one downstream call");
}
