//! The AsyncAPI document says what the WebSocket's types are.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking, in its helpers too")]

use std::collections::BTreeSet;

use descrow_domain::realtime::{ClientMessage, ErrorCode, ServerMessage};
use openapi::{asyncapi, samples};
use serde_json::{Value, json};

fn document() -> Value {
    serde_json::from_str(&asyncapi::generate().unwrap()).unwrap()
}

/// The type of a message; a new one does not compile until it is named here, and then wants a sample.
fn name(message: &ServerMessage) -> &'static str {
    match message {
        ServerMessage::OrderUpdated { .. } => "order.updated",
        ServerMessage::PaymentUpdated { .. } => "payment.updated",
        ServerMessage::NotificationCreated { .. } => "notification.created",
        ServerMessage::Shortened { .. } => "message.shortened",
        ServerMessage::Batch { .. } => "batch",
        ServerMessage::Pong { .. } => "pong",
        ServerMessage::Resumed { .. } => "resumed",
        ServerMessage::Error { .. } => "error",
    }
}

fn action(message: ClientMessage) -> &'static str {
    match message {
        ClientMessage::Ping {} => "ping",
        ClientMessage::Resume { .. } => "resume",
    }
}

/// Accepts what the message `name` may be, its references resolved against the document.
fn validator(document: &Value, name: &str) -> jsonschema::Validator {
    let payload = document["components"]["messages"][name]["payload"].clone();
    assert!(payload.is_object(), "{name} is not documented");
    let mut schema = json!({ "components": document["components"] });
    schema["$ref"] = payload["$ref"].clone();
    jsonschema::validator_for(&schema).unwrap()
}

#[test]
fn the_published_document_is_what_the_code_generates() {
    assert!(
        descrow_web::document::ASYNCAPI == asyncapi::generate().unwrap(),
        "shared/web/asyncapi.json is out of date: run `cargo xtask openapi --write`"
    );
}

#[test]
fn every_message_has_a_sample_that_is_what_the_document_says() {
    let document = document();
    let mut names = BTreeSet::new();
    for message in samples::server().unwrap() {
        let name = name(&message);
        let sample = serde_json::to_value(&message).unwrap();
        assert_eq!(sample["type"], name);
        let errors: Vec<String> =
            validator(&document, name).iter_errors(&sample).map(|error| error.to_string()).collect();
        assert_eq!(errors, [""; 0], "{name}");
        assert_eq!(document["components"]["messages"][name]["examples"][0]["payload"], sample);
        names.insert(name.to_owned());
    }
    for sample in samples::client() {
        let name = action(ClientMessage::read(&sample.to_string()).unwrap());
        assert_eq!(sample["action"], name);
        assert!(validator(&document, name).is_valid(&sample), "{name}");
        names.insert(name.to_owned());
    }
    let documented: BTreeSet<String> =
        document["components"]["messages"].as_object().unwrap().keys().cloned().collect();
    assert_eq!(documented, names);
    let on_channel = document["channels"]["socket"]["messages"].as_object().unwrap();
    assert_eq!(on_channel.keys().cloned().collect::<BTreeSet<_>>(), names);
    let sent: BTreeSet<String> = asyncapi::KEPT
        .into_iter()
        .chain(asyncapi::ANSWERS)
        .chain(["batch", "ping", "resume"])
        .map(Into::into)
        .collect();
    assert_eq!(sent, names);
}

#[test]
fn what_the_document_says_is_not_anything() {
    let document = document();
    for message in samples::server().unwrap() {
        let name = name(&message);
        let validator = validator(&document, name);
        let sample = serde_json::to_value(&message).unwrap();
        let fields: Vec<String> = sample.as_object().unwrap().keys().cloned().collect();
        for field in fields {
            let mut without = sample.clone();
            without.as_object_mut().unwrap().remove(&field);
            assert!(!validator.is_valid(&without), "{name} without {field}");
        }
    }
    let resume = validator(&document, "resume");
    for after in [json!("x"), json!("01"), json!(7), json!(null), json!("-1")] {
        let message = json!({ "action": "resume", "after": after });
        assert!(!resume.is_valid(&message) && ClientMessage::read(&message.to_string()).is_err(), "{message}");
    }
    let codes = &document["components"]["schemas"]["RealtimeErrorCode"]["enum"];
    let known = [ErrorCode::InvalidMessage, ErrorCode::UnknownAction, ErrorCode::Unavailable];
    assert_eq!(codes, &serde_json::to_value(known).unwrap());
}

#[test]
fn the_events_that_the_functions_are_tested_with_are_messages_of_the_document() {
    let document = document();
    for (name, event) in [
        ("ping", include_str!("../../../events/realtime-ping.json")),
        ("resume", include_str!("../../../events/realtime-resume.json")),
    ] {
        let event: Value = serde_json::from_str(event).unwrap();
        let body: Value = serde_json::from_str(event["body"].as_str().unwrap()).unwrap();
        assert!(validator(&document, name).is_valid(&body), "{name}");
    }
}
