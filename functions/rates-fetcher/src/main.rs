//! Every five minutes: fetches the exchange rates.

use std::sync::Arc;

use descrow_platform::{Config, Deadline, aws, telemetry};
use descrow_store::Store;
use lambda_runtime::{Error, LambdaEvent, run, service_fn};
use rates_fetcher::{Settings, fetch};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    telemetry::init();
    let settings = Config::from_env(Settings::read).unwrap_or_else(|error| {
        tracing::error!(%error, "config.refused");
        std::process::exit(1)
    });
    let store = Store::new(aws::dynamodb(&aws::sdk_config()), settings.tables.clone());
    let settings = Arc::new(settings);
    run(service_fn(move |event: LambdaEvent<serde::de::IgnoredAny>| {
        let (store, settings) = (store.clone(), Arc::clone(&settings));
        async move {
            // The schedule is off where rates come from configuration; somebody may call all the same.
            let Some(source) = &settings.source else { return Ok(None) };
            let deadline = Deadline::of_invocation(&event.context);
            match fetch(&store, source, settings.bounds, deadline).await {
                Ok(fetched) => Ok(Some(fetched)),
                Err(error) => {
                    tracing::error!(%error, "rates.not_quotable");
                    Err(Error::from(error))
                }
            }
        }
    }))
    .await
}
