//! `DynamoDB` streams of orders and books → counters.

use aws_lambda_events::event::dynamodb::Event;
use descrow_platform::{Config, Deadline, aws, telemetry};
use descrow_store::{Store, Table, Tables};
use lambda_runtime::{Error, LambdaEvent, run, service_fn};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    telemetry::init();
    let tables = Config::from_env(|c| Tables::from_config(c, &[Table::Counters])).unwrap_or_else(|error| {
        tracing::error!(error = %error, "start.refused");
        std::process::exit(1)
    });
    let store = Store::new(aws::dynamodb(&aws::sdk_config()), tables);
    run(service_fn(move |event: LambdaEvent<Event>| {
        let store = store.clone();
        async move {
            let deadline = Deadline::of_invocation(&event.context);
            Ok::<_, Error>(analytics::batch::process(event.payload, &store, deadline).await)
        }
    }))
    .await
}
