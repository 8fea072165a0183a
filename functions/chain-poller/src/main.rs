//! Schedule: turns finalised contract events into order states.

use std::sync::Arc;

use chain_poller::settings;
use descrow_platform::{Config, Deadline, telemetry};
use lambda_runtime::{Error, LambdaEvent, run, service_fn};

#[tokio::main]
async fn main() -> Result<(), Error> {
    telemetry::init();
    let poller = match Config::from_env(settings::poller) {
        Ok(poller) => Arc::new(poller),
        Err(error) => {
            tracing::error!(error = %error, "start.refused");
            std::process::exit(1);
        }
    };
    run(service_fn(move |event: LambdaEvent<serde_json::Value>| {
        let poller = Arc::clone(&poller);
        async move { Ok::<_, Error>(poller.handle(Deadline::of_invocation(&event.context)).await?) }
    }))
    .await
}
