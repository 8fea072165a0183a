//! The control API under `/control`, on Daraja's port. `README.md` documents it.

use std::sync::Arc;

use axum::{
    Json, Router,
    extract::{Path, Query, State},
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::{get, post, put},
};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{
    Answer, CONSUMER_KEY, CONSUMER_SECRET, INITIATOR, JWT, Operation, PASSKEY, PAYOUT_SHORTCODE, Policy, Rule,
    SECURITY_CREDENTIAL, SHORTCODE, Settings,
    daraja::{answer_prompt, send},
    world::Shared,
};

type World = State<Arc<Shared>>;

pub(crate) fn router(shared: Arc<Shared>) -> Router {
    Router::new()
        .route("/control/credentials", get(credentials))
        .route("/control/settings", get(settings).put(change_settings))
        .route("/control/prompts", get(prompts))
        .route("/control/prompts/{id}/answer", post(answer))
        .route("/control/phones/{phone}", put(set_policy))
        .route("/control/behaviours", get(behaviours).post(add_behaviours).delete(clear_behaviours))
        .route("/control/ledger", get(ledger))
        .route("/control/wallets/{account}", put(set_wallet))
        .route("/control/payouts", get(payouts))
        .route("/control/requests", get(requests))
        .route("/control/callbacks", get(callbacks))
        .route("/control/forge", post(forge))
        .route("/control/token/revoke", post(revoke))
        .route("/control/reset", post(reset))
        .with_state(shared)
}

fn refused(status: StatusCode, error: &str) -> Response {
    (status, Json(json!({ "error": error }))).into_response()
}

async fn credentials() -> Json<Value> {
    Json(json!({
        "consumerKey": CONSUMER_KEY,
        "consumerSecret": CONSUMER_SECRET,
        "shortcode": SHORTCODE,
        "passkey": PASSKEY,
        "b2cShortcode": PAYOUT_SHORTCODE,
        "initiatorName": INITIATOR,
        "securityCredential": SECURITY_CREDENTIAL,
        "ipfsJwt": JWT,
    }))
}

async fn settings(State(shared): World) -> Json<Settings> {
    Json(shared.world().settings.clone())
}

/// Changes the settings that are named, and leaves the others.
async fn change_settings(State(shared): World, Json(change): Json<serde_json::Map<String, Value>>) -> Response {
    let mut world = shared.world();
    let merged = serde_json::to_value(&world.settings).and_then(|mut known| {
        if let Some(known) = known.as_object_mut() {
            known.extend(change);
        }
        serde_json::from_value::<Settings>(known)
    });
    match merged {
        Ok(settings) => {
            world.settings = settings.clone();
            Json(settings).into_response()
        }
        Err(error) => refused(StatusCode::BAD_REQUEST, &error.to_string()),
    }
}

#[derive(Deserialize)]
struct PromptFilter {
    phone: Option<String>,
    open: Option<bool>,
}

async fn prompts(State(shared): World, Query(filter): Query<PromptFilter>) -> Json<Value> {
    let world = shared.world();
    let wanted = world.prompts.iter().filter(|p| {
        filter.phone.as_ref().is_none_or(|phone| *phone == p.phone)
            && filter.open.is_none_or(|open| open == p.outcome.is_none())
    });
    Json(json!({ "prompts": wanted.collect::<Vec<_>>() }))
}

#[derive(Deserialize)]
struct PromptAnswer {
    answer: Answer,
}

/// Answers a prompt, named by its checkout id or by the phone that shows it.
async fn answer(State(shared): World, Path(id): Path<String>, Json(given): Json<PromptAnswer>) -> Response {
    let open = {
        let world = shared.world();
        let matches =
            world.prompts.iter().filter(|p| p.outcome.is_none() && (p.checkout_request_id == id || p.phone == id));
        matches.map(|p| p.checkout_request_id.clone()).next()
    };
    match open.and_then(|id| answer_prompt(&shared, &id, given.answer)) {
        Some(prompt) => Json(prompt).into_response(),
        None => refused(StatusCode::NOT_FOUND, "no open prompt of that id or phone"),
    }
}

async fn set_policy(State(shared): World, Path(phone): Path<String>, Json(policy): Json<Policy>) -> Json<Policy> {
    shared.world().policies.insert(phone, policy);
    Json(policy)
}

async fn behaviours(State(shared): World) -> Json<Value> {
    Json(json!({ "behaviours": shared.world().rules.list() }))
}

#[derive(Deserialize)]
#[serde(untagged)]
enum OneOrMany {
    Many(Vec<Rule>),
    One(Rule),
}

async fn add_behaviours(State(shared): World, Json(given): Json<OneOrMany>) -> Json<Value> {
    let mut world = shared.world();
    match given {
        OneOrMany::One(rule) => world.rules.add(rule),
        OneOrMany::Many(rules) => rules.into_iter().for_each(|rule| world.rules.add(rule)),
    }
    Json(json!({ "behaviours": world.rules.list() }))
}

async fn clear_behaviours(State(shared): World) -> StatusCode {
    shared.world().rules = crate::behaviour::Rules::default();
    StatusCode::NO_CONTENT
}

async fn ledger(State(shared): World) -> Json<Value> {
    let world = shared.world();
    let (phones, shortcodes) = world.ledger.report();
    Json(json!({ "phones": phones, "shortcodes": shortcodes }))
}

#[derive(Deserialize)]
struct Balance {
    balance: u64,
}

async fn set_wallet(State(shared): World, Path(account): Path<String>, Json(given): Json<Balance>) -> StatusCode {
    shared.world().ledger.open(&account, given.balance).balance = given.balance;
    StatusCode::NO_CONTENT
}

async fn payouts(State(shared): World) -> Json<Value> {
    Json(json!({ "payouts": shared.world().payouts }))
}

#[derive(Deserialize)]
struct JournalFilter {
    operation: Option<Operation>,
    phone: Option<String>,
}

async fn requests(State(shared): World, Query(filter): Query<JournalFilter>) -> Json<Value> {
    let world = shared.world();
    let wanted = world.journal.requests.iter().filter(|r| {
        filter.operation.is_none_or(|o| o == r.operation)
            && filter.phone.as_ref().is_none_or(|phone| Some(phone) == r.phone.as_ref())
    });
    Json(json!({ "requests": wanted.collect::<Vec<_>>() }))
}

async fn callbacks(State(shared): World, Query(filter): Query<JournalFilter>) -> Json<Value> {
    let world = shared.world();
    let wanted = world.journal.callbacks.iter().filter(|c| filter.operation.is_none_or(|o| o == c.operation));
    Json(json!({ "callbacks": wanted.collect::<Vec<_>>() }))
}

#[derive(Deserialize)]
struct Forgery {
    /// Where to; or `prompt`, whose callback URL is used.
    url: Option<String>,
    prompt: Option<String>,
    body: String,
}

/// Sends what a stranger would.
async fn forge(State(shared): World, Json(forgery): Json<Forgery>) -> Response {
    let of_prompt = forgery.prompt.and_then(|id| {
        let world = shared.world();
        world.prompts.iter().find(|p| p.checkout_request_id == id || p.phone == id).map(|p| p.callback_url.clone())
    });
    let Some(url) = forgery.url.or(of_prompt) else {
        return refused(StatusCode::BAD_REQUEST, "needs `url`, or `prompt` that exists");
    };
    let status = send(&shared, Operation::StkPush, &url, forgery.body).await;
    Json(json!({ "status": status })).into_response()
}

/// Makes the current token invalid, as another app's refresh would.
async fn revoke(State(shared): World) -> StatusCode {
    shared.world().token = None;
    StatusCode::NO_CONTENT
}

async fn reset(State(shared): World) -> StatusCode {
    shared.reset();
    StatusCode::NO_CONTENT
}
