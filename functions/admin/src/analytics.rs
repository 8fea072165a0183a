//! `GET /api/admin/analytics`: figures of some days, from counters that the streams keep. One round trip.

use axum::extract::State;
use descrow_domain::{
    Timestamp,
    analytics::{AnalyticsView, Day, Days},
};
use descrow_web::{Admin, ApiError, Fields, Input, Query, Reply, Request};
use serde::Deserialize;

use crate::Office;

/// Days shown where the client does not say.
const USUAL: usize = 30;

/// Which days.
#[derive(Debug, Deserialize)]
pub(crate) struct Range {
    from: Input<String>,
    to: Input<String>,
}

impl Request for Range {
    type Valid = Days;

    fn validate(self, fields: &mut Fields) -> Option<Days> {
        let from = fields.optional::<Day>("from", self.from);
        let to = fields.optional::<Day>("to", self.to);
        let (from, to) = (from?, to?);
        let last = to.unwrap_or_else(|| Day::of(Timestamp::now()));
        match from {
            None => Some(Days::ending(last, USUAL)),
            Some(first) => Days::new(first, last).map_err(|error| fields.refuse("to", error)).ok(),
        }
    }
}

/// Shows how the market does: orders as they stand, and the figures of some days.
#[utoipa::path(get, path = "/api/admin/analytics", tag = "admin", security(("token" = [])),
    params(
        ("from" = Option<String>, Query, format = Date, example = "2026-11-01", description = "The first day (UTC); where absent, 30 days are shown."),
        ("to" = Option<String>, Query, format = Date, example = "2026-11-22", description = "The last day (UTC), at most 91 after the first; today where absent."),
    ),
    responses((status = 200, description = "The figures", body = AnalyticsView)))]
pub(crate) async fn analytics(
    State(app): State<Office>,
    _admin: Admin,
    Query(days): Query<Range>,
) -> Result<Reply, ApiError> {
    Reply::ok(&app.store.counters().read(days).await?)
}
