//! CoinGecko's `/simple/price`, for one coin in two currencies.

use std::sync::Arc;

use axum::{
    Json, Router,
    extract::{Query, State},
    response::{IntoResponse, Response},
    routing::get,
};
use serde::{Deserialize, Serialize};
use serde_json::{
    json,
    value::{RawValue, to_raw_value},
};

use crate::{
    Operation,
    answer::json_answer,
    door::{Answered, Dialect, serve},
    journal::now,
    world::Shared,
};

const DIALECT: Dialect = Dialect {
    error: |status, _, message| error(status, i64::from(status), message),
    refused: |_| Answered::new(error(401, 10_002, "API Key Missing"), "10002"),
};

/// CoinGecko's shape of an error. Its code is the status, or a number of its own.
fn error(status: u16, code: i64, message: &str) -> Response {
    json_answer(status, &json!({ "status": { "error_code": code, "error_message": message } }))
}

/// What a DOT costs: numbers as they are written, so that a test can have any.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Prices {
    usd: Box<RawValue>,
    kes: Box<RawValue>,
    /// Unix time in seconds; the time of the request where it is `null`.
    #[serde(default)]
    last_updated_at: Option<Box<RawValue>>,
}

impl Prices {
    /// These prices, found whenever somebody asks; `None` where one is no JSON.
    pub(crate) fn new(usd: &str, kes: &str) -> Option<Self> {
        let number = |text: &str| RawValue::from_string(text.to_owned()).ok();
        Some(Self { usd: number(usd)?, kes: number(kes)?, last_updated_at: None })
    }
}

impl Default for Prices {
    /// 4.50 dollars, and 129.25 shillings for a dollar.
    fn default() -> Self {
        Self::new("4.5", "581.625").unwrap_or_else(|| Self {
            usd: RawValue::NULL.to_owned(),
            kes: RawValue::NULL.to_owned(),
            last_updated_at: None,
        })
    }
}

#[derive(Serialize)]
struct Coin {
    usd: Box<RawValue>,
    kes: Box<RawValue>,
    last_updated_at: Box<RawValue>,
}

#[derive(Deserialize)]
struct Asked {
    #[serde(default)]
    ids: String,
    #[serde(default)]
    vs_currencies: String,
    #[serde(default)]
    include_last_updated_at: String,
}

pub(crate) fn router(shared: Arc<Shared>) -> Router {
    Router::new()
        .route("/api/v3/simple/price", get(price))
        .route("/control/rates", get(shown).put(change))
        .with_state(shared)
}

async fn shown(State(shared): State<Arc<Shared>>) -> Json<Prices> {
    Json(shared.world().prices.clone())
}

async fn change(State(shared): State<Arc<Shared>>, Json(prices): Json<Prices>) -> Json<Prices> {
    shared.world().prices = prices.clone();
    Json(prices)
}

async fn price(State(shared): State<Arc<Shared>>, Query(asked): Query<Asked>) -> Response {
    serve(&shared, Operation::Rates, DIALECT, async { Answered::accepted(answer(&shared, &asked)) }).await
}

/// CoinGecko leaves out what it does not know, or was not asked for.
fn answer(shared: &Shared, asked: &Asked) -> Response {
    let wants = |list: &str, name: &str| list.split(',').any(|entry| entry == name);
    let complete = wants(&asked.ids, "polkadot")
        && ["usd", "kes"].iter().all(|currency| wants(&asked.vs_currencies, currency))
        && asked.include_last_updated_at == "true";
    if !complete {
        return Json(json!({})).into_response();
    }
    let Prices { usd, kes, last_updated_at } = shared.world().prices.clone();
    let seconds = last_updated_at.or_else(|| to_raw_value(&(now() / 1000)).ok());
    let last_updated_at = seconds.unwrap_or_else(|| RawValue::NULL.to_owned());
    let coin = Coin { usd, kes, last_updated_at };
    Json(std::collections::BTreeMap::from([("polkadot", coin)])).into_response()
}
