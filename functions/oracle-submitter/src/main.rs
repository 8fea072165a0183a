//! SQS FIFO: signs and submits commands to the escrow contract.

use std::sync::Arc;

use aws_lambda_events::event::sqs::SqsEvent;
use descrow_platform::{Config, Deadline, telemetry};
use lambda_runtime::{Error, LambdaEvent, run, service_fn};
use oracle_submitter::settings;

#[tokio::main]
async fn main() -> Result<(), Error> {
    telemetry::init();
    let submitter = match Config::from_env(settings::submitter) {
        Ok(submitter) => Arc::new(submitter),
        Err(error) => {
            tracing::error!(error = %error, "start.refused");
            std::process::exit(1);
        }
    };
    run(service_fn(move |event: LambdaEvent<SqsEvent>| {
        let submitter = Arc::clone(&submitter);
        async move {
            let deadline = Deadline::of_invocation(&event.context);
            Ok::<_, Error>(submitter.handle(event.payload, deadline).await)
        }
    }))
    .await
}
