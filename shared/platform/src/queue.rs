//! SQS: small wake-up messages out, batches with partial failures in.

use std::{fmt, future::Future, time::Duration};

use aws_lambda_events::event::sqs::{BatchItemFailure, SqsBatchResponse, SqsEvent, SqsMessage};
use serde::{Deserialize, Serialize};

use crate::Deadline;

/// The version of every message body; a consumer refuses one it does not know, and the message ends in the DLQ.
pub const SCHEMA_VERSION: u32 = 1;
/// The one FIFO group of the contract's commands. Whoever wakes the submitter names this one: with two groups there would be two
/// signers at once, and one sequence of nonces.
pub const CONTRACT_GROUP: &str = "contract";

/// A wake-up call: the id of a row to look at. It carries no facts, so it may be lost, doubled or late without harm.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WakeUp {
    /// [`SCHEMA_VERSION`].
    pub v: u32,
    /// The key of the row.
    pub id: String,
    /// The trace the change belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trace: Option<String>,
}

impl WakeUp {
    /// A wake-up for the row `id`.
    pub fn new(id: impl Into<String>) -> Self {
        Self { v: SCHEMA_VERSION, id: id.into(), trace: None }
    }
}

/// What became of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Disposition {
    /// Done, or nothing to do: SQS may forget it.
    Delete,
    /// Not now: SQS delivers it again after its visibility timeout, and to the DLQ in the end.
    Retry,
}

/// Handles a batch message by message, in order, and reports the failures as SQS wants them.
///
/// With `fifo` the first failure stops the batch, since a later message of its group must not overtake it. Messages not
/// begun when less than `needed` of the invocation is left are reported too: Lambda deletes what is not reported.
pub async fn process<F, Fut, E>(
    event: SqsEvent,
    deadline: Deadline,
    needed: Duration,
    fifo: bool,
    handle: F,
) -> SqsBatchResponse
where
    F: Fn(SqsMessage) -> Fut,
    Fut: Future<Output = Result<Disposition, E>>,
    E: fmt::Display,
{
    let mut response = SqsBatchResponse::default();
    let mut stopped = false;
    for message in event.records {
        let id = message.message_id.clone().unwrap_or_default();
        if stopped || !deadline.allows(needed) {
            response.batch_item_failures.push(failed(id));
            stopped |= fifo;
            continue;
        }
        let disposition = match handle(message).await {
            Ok(disposition) => disposition,
            Err(error) => {
                tracing::error!(message_id = %id, error = %error, "queue.message_failed");
                Disposition::Retry
            }
        };
        if disposition == Disposition::Retry {
            response.batch_item_failures.push(failed(id));
            stopped |= fifo;
        }
    }
    response
}

fn failed(id: String) -> BatchItemFailure {
    let mut failure = BatchItemFailure::default();
    failure.item_identifier = id;
    failure
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::*;

    fn batch(ids: &[&str]) -> SqsEvent {
        let mut event = SqsEvent::default();
        for id in ids {
            let mut message = SqsMessage::default();
            message.message_id = Some((*id).to_owned());
            event.records.push(message);
        }
        event
    }

    fn failures(response: SqsBatchResponse) -> Vec<String> {
        response.batch_item_failures.into_iter().map(|f| f.item_identifier).collect()
    }

    async fn run(fifo: bool, deadline: Deadline) -> (Vec<String>, Vec<String>) {
        let seen = RefCell::new(Vec::new());
        let response = process(batch(&["a", "bad", "c"]), deadline, Duration::from_secs(1), fifo, |message| {
            let id = message.message_id.unwrap_or_default();
            seen.borrow_mut().push(id.clone());
            async move { if id == "bad" { Err("broken") } else { Ok(Disposition::Delete) } }
        })
        .await;
        (seen.into_inner(), failures(response))
    }

    #[tokio::test]
    async fn a_standard_queue_goes_on_after_a_failure() {
        let (seen, failed) = run(false, Deadline::after(Duration::from_secs(60))).await;
        assert_eq!((seen, failed), (vec!["a".into(), "bad".into(), "c".into()], vec!["bad".to_owned()]));
    }

    #[tokio::test]
    async fn a_fifo_queue_stops_at_the_first_failure_and_reports_the_rest() {
        let (seen, failed) = run(true, Deadline::after(Duration::from_secs(60))).await;
        assert_eq!((seen, failed), (vec!["a".to_owned(), "bad".into()], vec!["bad".to_owned(), "c".into()]));
    }

    #[tokio::test]
    async fn messages_that_no_time_was_left_for_are_reported() {
        let (seen, failed) = run(false, Deadline::after(Duration::ZERO)).await;
        assert_eq!((seen, failed), (Vec::<String>::new(), vec!["a".to_owned(), "bad".into(), "c".into()]));
    }
}
