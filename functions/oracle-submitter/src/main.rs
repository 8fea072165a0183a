//! SQS FIFO: signs and submits commands to the escrow contract.

use std::sync::Arc;

use aws_lambda_events::event::sqs::SqsEvent;
use descrow_platform::{Deadline, start};
use lambda_runtime::{Error, LambdaEvent, run, service_fn};
use oracle_submitter::settings;

#[tokio::main]
async fn main() -> Result<(), Error> {
    let submitter = Arc::new(start(settings::submitter));
    run(service_fn(move |event: LambdaEvent<SqsEvent>| {
        let submitter = Arc::clone(&submitter);
        async move {
            let deadline = Deadline::of_invocation(&event.context);
            Ok::<_, Error>(submitter.handle(event.payload, deadline).await)
        }
    }))
    .await
}
