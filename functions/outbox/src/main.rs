//! `DynamoDB` streams of commands and payouts → SQS.

use std::sync::Arc;

use aws_lambda_events::event::dynamodb::Event;
use descrow_platform::{Deadline, aws, start, wake::FifoQueue};
use lambda_runtime::{Error, LambdaEvent, run, service_fn};
use outbox::relay::{Queues, relay};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let (oracle_commands, payouts) = start(|c| {
        let (oracle_commands, payouts) = (c.required("QUEUE_ORACLE_COMMANDS"), c.required("QUEUE_PAYOUTS"));
        Some((oracle_commands?, payouts?))
    });
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
