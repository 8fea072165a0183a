//! `GET /oauth/v1/generate`. Each new token kills the one before (DARAJA.md §2).

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use axum::{
    extract::{RawQuery, State},
    http::{HeaderMap, header},
    response::Response,
};
use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Value, json};

use super::{
    CONSUMER_KEY, CONSUMER_SECRET,
    answer::{Refusal, html, json_answer, lost_connection, raw},
};
use crate::{
    Behaviour, Operation,
    behaviour::Stage,
    journal::{Request, now},
    world::Shared,
};

const OPERATION: Operation = Operation::Oauth;

pub(crate) async fn generate(
    State(shared): State<Arc<Shared>>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    let before = shared.take(Stage::Before, OPERATION, None);
    let (response, outcome) = match before {
        Some(Behaviour::Html { status }) => (html(status), "html".to_owned()),
        Some(Behaviour::Hang { ms }) => (lost_connection(Duration::from_millis(ms)).await, "hang".into()),
        Some(Behaviour::Answer { status, body }) => (raw(status, "application/json", body), "scripted answer".into()),
        Some(Behaviour::Error { status, code, message }) => (Refusal::new(status, &code, &message).respond(), code),
        other => {
            if let Some(Behaviour::Slow { ms }) = other {
                tokio::time::sleep(Duration::from_millis(ms)).await;
            }
            let issued = issue(&shared, query.as_deref(), &headers);
            let lost = other == Some(Behaviour::LoseAnswer);
            match issued {
                _ if lost => (lost_connection(Duration::ZERO).await, "answer lost".into()),
                Ok(token) => (json_answer(200, &token), "accepted".into()),
                Err(Wrong::Refusal(refusal)) => (refusal.respond(), refusal.code),
                Err(Wrong::Credentials) => (raw(400, "text/plain", String::new()), "wrong credentials".into()),
            }
        }
    };
    let status = Some(response.status().as_u16());
    let entry = Request { at: now(), operation: OPERATION, phone: None, status, outcome, body: Value::Null };
    shared.world().journal.requests.push(entry);
    response
}

enum Wrong {
    Refusal(Refusal),
    /// Answered by 400 with an empty body.
    Credentials,
}

fn issue(shared: &Shared, query: Option<&str>, headers: &HeaderMap) -> Result<Value, Wrong> {
    if query != Some("grant_type=client_credentials") {
        return Err(Wrong::Refusal(Refusal::new(400, "400.008.02", "Invalid grant type passed")));
    }
    let given = headers.get(header::AUTHORIZATION).and_then(|v| v.to_str().ok()).and_then(|v| v.strip_prefix("Basic "));
    let Some(given) = given else {
        return Err(Wrong::Refusal(Refusal::new(400, "400.008.01", "Invalid Authentication passed")));
    };
    let mut world = shared.world();
    let odd = world.rules.take(Stage::Oauth, OPERATION, None);
    if given != STANDARD.encode(format!("{CONSUMER_KEY}:{CONSUMER_SECRET}")) || odd == Some(Behaviour::EmptyRefusal) {
        return Err(Wrong::Credentials);
    }
    let token: String = world.random_hex().chars().take(28).collect();
    world.token = Some((token.clone(), Instant::now()));
    let life = world.settings.token_lifetime_s;
    let expires = if odd == Some(Behaviour::NumericExpiry) { json!(life) } else { json!(life.to_string()) };
    Ok(json!({ "access_token": token, "expires_in": expires }))
}
