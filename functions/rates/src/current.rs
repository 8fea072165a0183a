//! `GET /api/rates`.

use std::time::Duration;

use axum::extract::State;
use descrow_domain::{
    Timestamp,
    rates::{Bounds, CurrentRates, NotQuotable, Pricing, Rates as ExchangeRates},
    view::RatesView,
};
use descrow_web::{ApiError, Known, Reply};
use http::{HeaderValue, header};
use serde::Serialize;
use utoipa::ToSchema;

use crate::Rates;

/// Seconds for which clients may keep the answer.
const KEEP: u32 = 30;

/// The exchange rates, and whether orders are priced with them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RatesReport {
    /// Dollars for one DOT, a decimal; `null` before rates were fetched.
    #[schema(example = "4.21")]
    usd_per_dot: Option<String>,
    /// Shillings for one dollar, a decimal; `null` before rates were fetched.
    #[schema(example = "129.25")]
    kes_per_usd: Option<String>,
    /// Where the rates come from: `configuration`, or a source's name.
    #[schema(example = "api.coingecko.com")]
    source: Option<String>,
    /// When the source found them (RFC 3339).
    #[schema(format = DateTime, example = "2026-11-22T18:00:00Z")]
    at: Option<String>,
    /// How long ago that was, in seconds.
    #[schema(minimum = 0, example = 42)]
    age_seconds: Option<u64>,
    /// Whether orders are priced now. Where not, creating one is answered 503 `rates_unavailable`.
    #[schema(example = true)]
    quotable: bool,
    /// Why not: `missing` (none were fetched yet), `aged` (the source says nothing new), `jumped` (it suddenly says something
    /// else, which must hold for a while to be believed).
    #[schema(example = json!(null))]
    reason: Option<&'static str>,
    /// Where quotable, when these rates will be too old; where they jumped, when the new ones will be believed if they hold. Absent
    /// (`null`) where nobody knows, and for rates that do not age.
    #[schema(format = DateTime, example = "2026-11-22T18:30:00Z")]
    until: Option<String>,
}

impl RatesReport {
    /// What is to be said of the rates at `now`.
    pub fn new(pricing: &Pricing, row: Option<&CurrentRates>, now: Timestamp) -> Self {
        match pricing {
            Pricing::Configured(rates) => Self::of(Some(rates), now, None, None),
            Pricing::Fetched(bounds) => Self::fetched(*bounds, row, now),
        }
    }

    fn fetched(bounds: Bounds, row: Option<&CurrentRates>, now: Timestamp) -> Self {
        let verdict = row.ok_or(NotQuotable::Missing).and_then(|row| row.quotable(bounds, now));
        let until = match verdict {
            Ok(rates) => Some(rates.at.plus_seconds(bounds.max_age)),
            Err(NotQuotable::Jumped { until }) => Some(until),
            Err(NotQuotable::Missing | NotQuotable::Aged { .. }) => None,
        };
        Self::of(row.map(|row| &row.accepted), now, verdict.err(), until)
    }

    fn of(
        rates: Option<&ExchangeRates>,
        now: Timestamp,
        refused: Option<NotQuotable>,
        until: Option<Timestamp>,
    ) -> Self {
        let age = rates.map(|rates| (now.millis_since(rates.at) / 1000).max(0).unsigned_abs());
        let view = rates.map(RatesView::from);
        let (usd_per_dot, kes_per_usd, source, at) = match view {
            Some(RatesView { usd_per_dot, kes_per_usd, source, at }) => {
                (Some(usd_per_dot), Some(kes_per_usd), Some(source), Some(at))
            }
            None => (None, None, None, None),
        };
        Self {
            usd_per_dot,
            kes_per_usd,
            source,
            at,
            age_seconds: age,
            quotable: refused.is_none(),
            reason: refused.map(NotQuotable::reason),
            until: until.map(Timestamp::rfc3339),
        }
    }
}

/// Reads the exchange rates.
///
/// An order fixes the rates of the moment in which it is created. The answer may be half a minute old, as its `Age` says. Its
/// `ETag` is that of the rates and of what is said of them: that they grow older by the second changes nothing.
#[utoipa::path(get, path = "/api/rates", tag = "rates",
    responses((status = 200, description = "The rates, and whether orders are priced with them", body = RatesReport),
        (status = 304, description = "The client has them already")))]
pub(crate) async fn current(State(app): State<Rates>, known: Known) -> Result<Reply, ApiError> {
    let (row, kept_for) = match app.pricing {
        Pricing::Configured(_) => (None, Duration::ZERO),
        Pricing::Fetched(_) => app.kept.row(&app.store).await?,
    };
    let report = RatesReport::new(&app.pricing, row.as_ref(), Timestamp::now());
    answer(&report, kept_for, &known)
}

/// The report, made of a row that was read `kept_for` ago.
fn answer(report: &RatesReport, kept_for: Duration, known: &Known) -> Result<Reply, ApiError> {
    let ageless = Reply::ok(&RatesReport { age_seconds: None, ..report.clone() })?;
    let reply = known.equivalent(Reply::ok(report)?, &ageless, KEEP);
    Ok(reply.header(header::AGE, HeaderValue::from(kept_for.as_secs())))
}

#[cfg(test)]
mod tests {
    use axum::{extract::FromRequestParts, response::IntoResponse};
    use http::StatusCode;

    use super::*;

    const START: Timestamp = Timestamp(1_795_000_000_000);
    const BOUNDS: Bounds = Bounds { max_age: 1800, max_jump: 10, settle: 900 };

    /// The answer to who knows `tag`, so many seconds after the rates were found and so many after the row was read.
    async fn answered(usd_per_dot: u64, age: i64, kept: u64, tag: &str) -> (StatusCode, String, String) {
        let rates = ExchangeRates { usd_per_dot, kes_per_usd: 129_25_000_000, source: "test".into(), at: START };
        let row = CurrentRates::judge(None, rates, BOUNDS, START).row().cloned();
        let report = RatesReport::new(&Pricing::Fetched(BOUNDS), row.as_ref(), START.plus_seconds(age));
        let request = http::Request::builder().header(header::IF_NONE_MATCH, tag).body(()).unwrap();
        let known = Known::from_request_parts(&mut request.into_parts().0, &()).await.unwrap();
        let response = answer(&report, Duration::from_secs(kept), &known).unwrap().into_response();
        let header = |name| response.headers()[name].to_str().unwrap().to_owned();
        (response.status(), header(header::ETAG), header(header::AGE))
    }

    #[tokio::test]
    async fn the_same_rates_a_second_later_are_known_already_and_others_or_aged_ones_are_not() {
        let (status, tag, age) = answered(4_21_000_000, 10, 0, "").await;
        assert!(tag.starts_with("W/"), "the bodies are not the same byte by byte: {tag}");
        assert_eq!((status, age.as_str()), (StatusCode::OK, "0"));
        let later = answered(4_21_000_000, 11, 1, &tag).await;
        assert_eq!(later, (StatusCode::NOT_MODIFIED, tag.clone(), "1".to_owned()));
        assert_eq!(answered(4_22_000_000, 11, 1, &tag).await.0, StatusCode::OK);
        assert_eq!(answered(4_21_000_000, 1801, 29, &tag).await.0, StatusCode::OK);
    }
}
