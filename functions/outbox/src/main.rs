//! `DynamoDB` streams of commands and payouts → SQS.

use std::sync::Arc;

use aws_lambda_events::event::dynamodb::Event;
use descrow_platform::{Config, Deadline, aws, telemetry, wake::FifoQueue};
use lambda_runtime::{Error, LambdaEvent, run, service_fn};
use outbox::relay::{Queues, relay};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    telemetry::init();
    let urls = Config::from_env(|c| {
        let (oracle_commands, payouts) = (c.required("QUEUE_ORACLE_COMMANDS"), c.required("QUEUE_PAYOUTS"));
        Some((oracle_commands?, payouts?))
    });
    let (oracle_commands, payouts) = urls.inspect_err(|error| tracing::error!(error = %error, "start.refused"))?;
    let client = aws::sqs(&aws::sdk_config());
    let queues = Arc::new(Queues {
        oracle_commands: FifoQueue::new(client.clone(), oracle_commands),
        payouts: FifoQueue::new(client, payouts),
    });
    run(service_fn(move |event: LambdaEvent<Event>| {
        let queues = Arc::clone(&queues);
        async move {
            let deadline = Deadline::of_invocation(&event.context);
            Ok::<_, Error>(relay(event.payload, &queues, deadline).await)
        }
    }))
    .await
}
