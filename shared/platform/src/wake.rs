//! Sends messages: wake-ups, and callbacks as they came.

use std::time::Duration;

use aws_sdk_sqs::{error::DisplayErrorContext, operation::send_message::builders::SendMessageFluentBuilder};

use serde::Serialize;

use crate::{Deadline, deadline::DeadlinePassed, queue::WakeUp};

/// One send takes a few milliseconds; what takes this long is not going to succeed.
const SEND_BUDGET: Duration = Duration::from_secs(5);

/// The message may not have reached the queue.
#[derive(Debug, thiserror::Error)]
pub enum SendError {
    /// SQS refused or did not answer.
    #[error("SQS did not take the message: {0}")]
    Sqs(String),
    /// No time was left.
    #[error(transparent)]
    Deadline(#[from] DeadlinePassed),
    /// The body could not be written.
    #[error("message body: {0}")]
    Body(#[from] serde_json::Error),
}

/// A standard queue and the right to send to it.
#[derive(Clone, Debug)]
pub struct StandardQueue {
    client: aws_sdk_sqs::Client,
    url: String,
}

impl StandardQueue {
    /// The queue at `url`.
    pub fn new(client: aws_sdk_sqs::Client, url: String) -> Self {
        Self { client, url }
    }

    /// Sends `body` as JSON: a [`WakeUp`], or what is kept nowhere else.
    ///
    /// # Errors
    /// [`SendError`] when the message may not have been taken.
    pub async fn send(&self, body: &impl Serialize, deadline: Deadline) -> Result<(), SendError> {
        send(self.client.send_message().queue_url(&self.url), body, deadline).await
    }
}

/// A FIFO queue and the right to send to it.
#[derive(Clone, Debug)]
pub struct FifoQueue {
    client: aws_sdk_sqs::Client,
    url: String,
}

impl FifoQueue {
    /// The queue at `url`.
    pub fn new(client: aws_sdk_sqs::Client, url: String) -> Self {
        Self { client, url }
    }

    /// Sends `wake`. Messages of one `group` are delivered in order and one at a time; a second message with the same
    /// `deduplication` id within five minutes is dropped by SQS.
    ///
    /// # Errors
    /// [`SendError`] when the message may not have been taken.
    pub async fn send(
        &self,
        wake: &WakeUp,
        group: &str,
        deduplication: &str,
        deadline: Deadline,
    ) -> Result<(), SendError> {
        let message = self.client.send_message().queue_url(&self.url);
        send(message.message_group_id(group).message_deduplication_id(deduplication), wake, deadline).await
    }
}

async fn send(message: SendMessageFluentBuilder, body: &impl Serialize, deadline: Deadline) -> Result<(), SendError> {
    let request = message.message_body(serde_json::to_string(body)?).send();
    let sent = deadline.within(SEND_BUDGET).bound(request).await?;
    sent.map(|_| ()).map_err(|error| SendError::Sqs(DisplayErrorContext(&error).to_string()))
}
