//! The whole function against an SQS on loopback that takes or refuses.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use std::time::Duration;

use aws_lambda_events::event::dynamodb::Event;
use descrow_platform::{Deadline, testing::TestSqs, wake::FifoQueue};
use outbox::relay::{Queues, relay};
use serde_json::json;

fn queues(sqs: &TestSqs) -> Queues {
    Queues {
        oracle_commands: FifoQueue::new(sqs.client(), "http://sqs/oracle-commands.fifo".into()),
        payouts: FifoQueue::new(sqs.client(), "http://sqs/payouts.fifo".into()),
    }
}

fn sample() -> Event {
    serde_json::from_str(include_str!("../../../events/outbox.json")).unwrap()
}

#[tokio::test]
async fn each_waiting_row_of_the_batch_is_sent_to_its_queue_in_order() {
    let sqs = TestSqs::taking();
    let response = relay(sample(), &queues(&sqs), Deadline::after(Duration::from_secs(10))).await;
    assert!(response.batch_item_failures.is_empty());
    let (order, payout) = ("0190a2b0-0000-7000-8000-000000000001", "f6a2c0de-0000-5000-8000-000000000002");
    let expected = [
        json!({
            "QueueUrl": "http://sqs/oracle-commands.fifo", "MessageGroupId": "contract",
            "MessageBody": format!("{{\"v\":1,\"id\":\"create_order#{order}\"}}"),
            "MessageDeduplicationId": format!("create_order#{order}@1"),
        }),
        json!({
            "QueueUrl": "http://sqs/payouts.fifo", "MessageGroupId": order,
            "MessageBody": format!("{{\"v\":1,\"id\":\"{payout}\"}}"),
            "MessageDeduplicationId": format!("{payout}@1"),
        }),
    ];
    assert_eq!(sqs.sent(), expected);
}

#[tokio::test]
async fn the_batch_stops_at_the_first_message_that_is_not_taken() {
    let sqs = TestSqs::refusing();
    let response = relay(sample(), &queues(&sqs), Deadline::after(Duration::from_secs(10))).await;
    let failed: Vec<_> = response.batch_item_failures.iter().map(|f| f.item_identifier.as_deref()).collect();
    assert_eq!(failed, [Some("100")]);
    assert_eq!(sqs.sent().len(), 1);
}
