//! `GET /health`.

use std::{sync::Arc, time::Duration};

use axum::extract::State;
use descrow_domain::Timestamp;
use descrow_platform::Deadline;
use descrow_web::{ApiError, Reply, RequestInfo};
use futures_util::future::join_all;
use http::StatusCode;
use serde::Serialize;
use tokio::{sync::Mutex, time::Instant};
use utoipa::ToSchema;

use crate::probe::{Finding, Probe};

/// How long a report is given out again: a storm of questions here is not one there.
const FRESH_FOR: Duration = Duration::from_secs(10);

/// The dependencies, and what was last found.
#[derive(Clone)]
pub struct Health(Arc<Inner>);

struct Inner {
    probes: Vec<Probe>,
    last: Mutex<Option<(Instant, Report)>>,
}

/// Whether what the stack depends on can be reached.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = Health)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Report {
    /// `ok` if every required check is, else `unavailable`.
    #[schema(example = "ok")]
    status: &'static str,
    /// The release that answers.
    #[schema(example = "0.1.0")]
    version: &'static str,
    /// When the dependencies were asked.
    #[schema(format = DateTime)]
    checked_at: String,
    /// One entry for each dependency.
    checks: Vec<Check>,
}

/// What one dependency said.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Check {
    /// The dependency.
    #[schema(example = "database")]
    name: &'static str,
    /// `ok`, `failed` or `timeout`.
    #[schema(example = "ok")]
    status: &'static str,
    /// Whether the service cannot do its work without it. What is not required never makes the report `unavailable`: `ipfs.gateway`,
    /// from which browsers fetch what is pinned, is asked by no function.
    #[schema(example = true)]
    required: bool,
    /// How long it took, in milliseconds.
    #[schema(example = 12)]
    duration_ms: u64,
}

impl Health {
    /// Asks `probes`.
    pub fn new(probes: Vec<Probe>) -> Self {
        Self(Arc::new(Inner { probes, last: Mutex::default() }))
    }

    async fn report(&self, deadline: Deadline) -> Report {
        let mut last = self.0.last.lock().await;
        if let Some((at, report)) = last.as_ref()
            && at.elapsed() < FRESH_FOR
        {
            return report.clone();
        }
        let checks = join_all(self.0.probes.iter().map(|probe| check(probe, deadline))).await;
        let all_ok = checks.iter().all(|check| check.status == "ok" || !check.required);
        let report = Report {
            status: if all_ok { "ok" } else { "unavailable" },
            version: env!("CARGO_PKG_VERSION"),
            checked_at: Timestamp::now().rfc3339(),
            checks,
        };
        *last = Some((Instant::now(), report.clone()));
        report
    }
}

async fn check(probe: &Probe, deadline: Deadline) -> Check {
    let begun = Instant::now();
    let finding = probe.run(deadline).await;
    Check {
        name: probe.name(),
        required: probe.required(),
        status: match finding {
            Finding::Ok => "ok",
            Finding::Failed => "failed",
            Finding::Timeout => "timeout",
        },
        duration_ms: u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX),
    }
}

/// Ask whether everything can be reached
///
/// Every dependency is asked at once, each for at most two seconds; a report is at most ten seconds old.
#[utoipa::path(get, path = "/health", tag = "operations", operation_id = "health",
    responses(
        (status = 200, description = "Everything required can be reached", body = Report),
        (status = 503, description = "Something required cannot be reached", body = Report)))]
pub(crate) async fn health(State(health): State<Health>, info: RequestInfo) -> Result<Reply, ApiError> {
    let report = health.report(info.deadline()).await;
    let status = if report.status == "ok" { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    Ok(Reply::ok(&report)?.with_status(status))
}
