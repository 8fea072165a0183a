//! One batch of stream records.

use aws_lambda_events::{
    event::dynamodb::Event,
    streams::{DynamoDbBatchItemFailure, DynamoDbEventResponse},
};
use descrow_domain::Timestamp;
use descrow_platform::{Deadline, deadline::DeadlinePassed};
use descrow_store::{Counting, Store};

use crate::change::counting;

/// Counts a batch, and reports the first record that was not counted. The stream delivers that one and all after it once more;
/// those that were counted are known by their marks.
pub async fn process(event: Event, store: &Store, deadline: Deadline) -> DynamoDbEventResponse {
    let mut sequence_numbers = Vec::new();
    let (mut places, mut changes): (Vec<usize>, Vec<Counting>) = (Vec::new(), Vec::new());
    let mut failed = None;
    for (place, record) in event.records.into_iter().enumerate() {
        sequence_numbers.push(record.change.sequence_number.clone());
        match counting(record) {
            Ok(Some(change)) => {
                places.push(place);
                changes.push(change);
            }
            Ok(None) => {}
            Err(error) => {
                tracing::error!(error = %error, record = place, "analytics.record_unreadable");
                failed = failed.or(Some(place));
            }
        }
    }
    let uncounted = match deadline.bound(store.counters().count(&changes, Timestamp::now())).await {
        Ok(Ok(())) => None,
        Ok(Err((change, error))) => {
            tracing::error!(error = %error, "analytics.count_failed");
            places.get(change).copied()
        }
        Err(DeadlinePassed) => {
            tracing::error!(error = %DeadlinePassed, "analytics.count_failed");
            places.first().copied()
        }
    };
    let mut response = DynamoDbEventResponse::default();
    let first = failed.into_iter().chain(uncounted).min();
    if let Some(sequence_number) = first.and_then(|place| sequence_numbers.into_iter().nth(place)) {
        let mut failure = DynamoDbBatchItemFailure::default();
        failure.item_identifier = sequence_number;
        response.batch_item_failures.push(failure);
    }
    response
}
