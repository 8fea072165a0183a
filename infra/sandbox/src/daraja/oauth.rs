//! `GET /oauth/v1/generate`. Each new token kills the one before (DARAJA.md §2).

use std::{sync::Arc, time::Instant};

use axum::{
    extract::{RawQuery, State},
    http::{HeaderMap, header},
    response::Response,
};
use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Value, json};

use super::{CONSUMER_KEY, CONSUMER_SECRET, answer::Refusal};
use crate::{
    Behaviour, Operation,
    answer::{json_answer, text},
    behaviour::Stage,
    door::{Answered, Dialect, serve},
    world::Shared,
};

const OPERATION: Operation = Operation::Oauth;
const DIALECT: Dialect = Dialect { error: Refusal::shape, refused: |_| unauthenticated().into() };

pub(crate) async fn generate(
    State(shared): State<Arc<Shared>>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    let processed = async {
        match issue(&shared, query.as_deref(), &headers) {
            Ok(token) => Answered::accepted(json_answer(200, &token)),
            Err(Wrong::Refusal(refusal)) => refusal.into(),
            Err(Wrong::Credentials) => Answered::new(text(400, ""), "wrong credentials"),
        }
    };
    serve(&shared, OPERATION, DIALECT, processed).await
}

fn unauthenticated() -> Refusal {
    Refusal::new(400, "400.008.01", "Invalid Authentication passed")
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
        return Err(Wrong::Refusal(unauthenticated()));
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
