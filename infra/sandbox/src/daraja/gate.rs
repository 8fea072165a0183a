//! The gateway in front of every operation: misbehaviours, content type, token, journal.

use std::{sync::Arc, time::Duration};

use axum::{
    http::{HeaderMap, header},
    response::Response,
};
use serde_json::Value;

use super::{
    answer::{Refusal, html, json_answer, lost_connection, raw},
    fields::Fields,
    payout, push, query, status,
};
use crate::{
    Behaviour, Operation,
    behaviour::Stage,
    journal::{Request, now, without_credentials},
    world::Shared,
};

pub(crate) async fn handle(shared: &Arc<Shared>, operation: Operation, headers: &HeaderMap, body: &[u8]) -> Response {
    let fields = Fields::parse(body);
    let phone = fields.as_ref().ok().and_then(|fields| phone_of(shared, operation, fields));
    let entry = Request {
        at: now(),
        operation,
        phone: phone.clone(),
        status: None,
        outcome: "no answer".into(),
        body: fields.as_ref().map_or(Value::Null, |f| without_credentials(f.to_value())),
    };
    let behaviour = shared.take(Stage::Before, operation, phone.as_deref());
    let write = |status: Option<u16>, outcome: &str| {
        let entry = Request { status, outcome: outcome.to_owned(), ..entry.clone() };
        shared.world().journal.requests.push(entry);
    };
    match behaviour {
        Some(Behaviour::Html { status }) => {
            write(Some(status), "html");
            return html(status);
        }
        Some(Behaviour::Hang { ms }) => {
            write(None, "hang");
            return lost_connection(Duration::from_millis(ms)).await;
        }
        Some(Behaviour::Answer { status, body }) => {
            write(Some(status), "scripted answer");
            return raw(status, "application/json", body);
        }
        Some(Behaviour::Error { status, code, message }) => {
            write(Some(status), &code);
            return Refusal::new(status, &code, &message).respond();
        }
        Some(Behaviour::TokenRefused) => {
            let refusal = invalid_token(operation);
            write(Some(refusal.status), &refusal.code);
            return refusal.respond();
        }
        Some(Behaviour::Slow { ms }) => tokio::time::sleep(Duration::from_millis(ms)).await,
        _ => {}
    }
    let processed = async {
        authorised(shared, operation, headers)?;
        content_type(operation, headers)?;
        let fields = fields?;
        match operation {
            Operation::StkPush => push::push(shared, &fields).await,
            Operation::StkQuery => query::query(shared, &fields),
            Operation::B2c => payout::pay(shared, &fields),
            _ => status::ask(shared, &fields),
        }
    };
    let answer: Result<Value, Refusal> = processed.await;
    if behaviour == Some(Behaviour::LoseAnswer) {
        write(None, answer.map_or_else(|refusal| refusal.code, |_| "accepted, answer lost".into()).as_str());
        return lost_connection(Duration::ZERO).await;
    }
    match answer {
        Ok(value) => {
            write(Some(200), "accepted");
            json_answer(200, &value)
        }
        Err(refusal) => {
            write(Some(refusal.status), &refusal.code);
            refusal.respond()
        }
    }
}

/// The phone that a request concerns, for rules and the journal.
fn phone_of(shared: &Shared, operation: Operation, fields: &Fields) -> Option<String> {
    let world = shared.world();
    match operation {
        Operation::StkPush => fields.text("PhoneNumber"),
        Operation::B2c => fields.text("PartyB"),
        Operation::StkQuery => {
            let id = fields.text("CheckoutRequestID")?;
            world.prompts.iter().find(|p| p.checkout_request_id == id).map(|p| p.phone.clone())
        }
        _ => {
            let id = fields.text("OriginalConversationID")?;
            world.payouts.iter().find(|p| p.originator == id).map(|p| p.phone.clone())
        }
    }
}

fn authorised(shared: &Shared, operation: Operation, headers: &HeaderMap) -> Result<(), Refusal> {
    let given =
        headers.get(header::AUTHORIZATION).and_then(|v| v.to_str().ok()).and_then(|v| v.strip_prefix("Bearer "));
    let world = shared.world();
    let life = Duration::from_secs(u64::from(world.settings.token_lifetime_s));
    let valid =
        world.token.as_ref().is_some_and(|(token, since)| Some(token.as_str()) == given && since.elapsed() < life);
    if valid { Ok(()) } else { Err(invalid_token(operation)) }
}

/// Refused tokens look different from product to product (DARAJA.md §2).
fn invalid_token(operation: Operation) -> Refusal {
    match operation {
        Operation::TransactionStatus => Refusal::new(400, "400.003.01", "Invalid Access Token"),
        _ => Refusal::new(404, "404.001.03", "Invalid Access Token"),
    }
}

/// A wrong content type shows up as a complaint about the first field (DARAJA.md §1).
fn content_type(operation: Operation, headers: &HeaderMap) -> Result<(), Refusal> {
    let json = headers
        .get(header::CONTENT_TYPE)
        .and_then(|v| v.to_str().ok())
        .is_some_and(|v| v.starts_with("application/json"));
    match operation {
        _ if json => Ok(()),
        Operation::StkPush | Operation::StkQuery => Err(Refusal::invalid("BusinessShortCode")),
        _ => Err(Refusal::invalid("InitiatorName")),
    }
}
