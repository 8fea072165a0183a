//! Schedule: turns finalised contract events into order states.

use std::sync::Arc;

use chain_poller::settings;
use descrow_platform::{Deadline, start};
use lambda_runtime::{Error, LambdaEvent, run, service_fn};

#[tokio::main]
async fn main() -> Result<(), Error> {
    let poller = Arc::new(start(settings::poller));
    run(service_fn(move |event: LambdaEvent<serde_json::Value>| {
        let poller = Arc::clone(&poller);
        async move { Ok::<_, Error>(poller.handle(Deadline::of_invocation(&event.context)).await?) }
    }))
    .await
}
