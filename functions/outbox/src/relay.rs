//! Sends a batch of stream records on, in order.

use aws_lambda_events::{
    event::dynamodb::Event,
    streams::{DynamoDbBatchItemFailure, DynamoDbEventResponse},
};
use descrow_platform::{Deadline, wake::FifoQueue};

use crate::route::{Destination, route};

/// The two queues.
pub struct Queues {
    /// `oracle-commands`.
    pub oracle_commands: FifoQueue,
    /// `payouts`.
    pub payouts: FifoQueue,
}

/// Sends what the batch calls for. At the first message that is not taken it stops and names that record: the stream
/// delivers it and all after it again, so order is kept.
pub async fn relay(event: Event, queues: &Queues, deadline: Deadline) -> DynamoDbEventResponse {
    let mut response = DynamoDbEventResponse::default();
    for record in event.records {
        let Some(relay) = route(&record) else { continue };
        let queue = match relay.destination {
            Destination::OracleCommands => &queues.oracle_commands,
            Destination::Payouts => &queues.payouts,
        };
        if let Err(error) = queue.send(&relay.wake, &relay.group, &relay.deduplication, deadline).await {
            tracing::error!(row = %relay.wake.id, error = %error, "outbox.send_failed");
            let mut failure = DynamoDbBatchItemFailure::default();
            failure.item_identifier = record.change.sequence_number;
            response.batch_item_failures.push(failure);
            break;
        }
        tracing::info!(row = %relay.wake.id, destination = ?relay.destination, "outbox.sent");
    }
    response
}
