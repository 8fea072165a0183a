//! One invocation.

use descrow_platform::Deadline;
use descrow_store::Store;
use lambda_runtime::LambdaEvent;
use serde::de::IgnoredAny;

use crate::{FetchError, Fetched, Settings, fetch};

/// Fetches the rates, whatever the event says; `None` where there is nobody to ask.
///
/// # Errors
/// [`FetchError`]
pub async fn handle(
    store: &Store,
    settings: &Settings,
    event: LambdaEvent<IgnoredAny>,
) -> Result<Option<Fetched>, FetchError> {
    // The schedule is off where rates come from configuration; somebody may call all the same.
    let Some(source) = &settings.source else { return Ok(None) };
    let deadline = Deadline::of_invocation(&event.context);
    let fetched = fetch(store, source, settings.bounds, deadline).await;
    fetched.map(Some).inspect_err(|error| tracing::error!(%error, "rates.not_quotable"))
}
