//! What Daraja asks of every request that carries a token: the token, a content type, a body; then the operation itself.

use std::{sync::Arc, time::Duration};

use axum::{
    http::{HeaderMap, header},
    response::Response,
};
use serde_json::Value;

use super::{answer::Refusal, fields::Fields, payout, push, query, status};
use crate::{
    Operation,
    answer::json_answer,
    door::{Answered, Asked, Dialect, serve},
    journal::without_credentials,
    world::Shared,
};

const DIALECT: Dialect = Dialect { error: Refusal::shape, refused: |operation| invalid_token(operation).into() };

pub(crate) async fn handle(shared: &Arc<Shared>, operation: Operation, headers: &HeaderMap, body: &[u8]) -> Response {
    let fields = Fields::parse(body);
    let known = fields.as_ref().ok();
    let asked = Asked {
        operation,
        phone: known.and_then(|fields| phone_of(shared, operation, fields)),
        body: known.map_or(Value::Null, |fields| without_credentials(fields.to_value())),
    };
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
    let answered = async {
        let answer: Result<Value, Refusal> = processed.await;
        answer.map_or_else(Answered::from, |value| Answered::accepted(json_answer(200, &value)))
    };
    serve(shared, asked, DIALECT, answered).await
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
