//! One batch of stream records.

use std::{collections::BTreeMap, time::Duration};

use aws_lambda_events::{
    event::dynamodb::EventRecord,
    streams::{DynamoDbBatchItemFailure, DynamoDbEventResponse},
};
use descrow_domain::{
    Account, OrderId, PaymentId,
    realtime::ServerMessage,
    view::{NotificationView, OrderView, PaymentView},
};
use descrow_platform::{Deadline, deadline::DeadlinePassed};
use futures_util::{StreamExt, future::try_join_all, stream};
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::{
    change::{Change, Unreadable},
    fan_out::{Mail, Push, deliver},
    rows::{Rows, Unavailable},
    story::{Told, tell},
};

/// Orders whose changes are worked on at a time; the changes of one order come one after the other.
const ORDERS_AT_A_TIME: usize = 16;
/// What a record may need; with less left, it is given back to the stream.
const NEEDED: Duration = Duration::from_secs(2);

/// A batch as Lambda delivers it. Records are read one by one, so that one that is malformed does not cost the others.
#[derive(Debug, Deserialize)]
pub struct StreamEvent {
    /// The records, in the order of the stream.
    #[serde(rename = "Records")]
    pub records: Vec<Box<RawValue>>,
}

/// A message on its way to a user.
struct Outgoing {
    record: usize,
    user: Account,
    message: String,
}

/// What became of the changes of one order.
#[derive(Default)]
struct Outcome {
    outgoing: Vec<Outgoing>,
    failed: Option<usize>,
}

/// Handles a batch, and reports the first record that must come again. The stream delivers that one and all after it
/// once more, which costs repeated messages with the same ids and nothing else.
pub async fn process<R: Rows, P: Push>(
    event: StreamEvent,
    rows: &R,
    push: &P,
    deadline: Deadline,
) -> DynamoDbEventResponse {
    let mut sequence_numbers = Vec::with_capacity(event.records.len());
    let mut by_order: BTreeMap<OrderId, Vec<(usize, Change)>> = BTreeMap::new();
    for (index, raw) in event.records.iter().enumerate() {
        let (sequence_number, change) = read(raw);
        sequence_numbers.push(sequence_number);
        match change {
            Ok(Some(change)) => by_order.entry(change.order_id()).or_default().push((index, change)),
            Ok(None) => {}
            Err(error) => tracing::error!(error = %error, record = index, "notifier.record_unreadable"),
        }
    }
    let outcomes: Vec<Outcome> = stream::iter(by_order.into_values())
        .map(|changes| one_order(changes, rows, deadline))
        .buffer_unordered(ORDERS_AT_A_TIME)
        .collect()
        .await;
    let mut failed = outcomes.iter().filter_map(|outcome| outcome.failed).min();
    let mail = sort(outcomes.into_iter().flat_map(|outcome| outcome.outgoing).collect());
    if let Some(record) = deliver(mail, rows, push, deadline).await {
        failed = Some(failed.map_or(record, |other| other.min(record)));
    }
    let mut response = DynamoDbEventResponse::default();
    if let Some(index) = failed {
        let mut failure = DynamoDbBatchItemFailure::default();
        failure.item_identifier = sequence_numbers.get(index).cloned().flatten();
        response.batch_item_failures.push(failure);
    }
    response
}

/// The record's place in its stream, and what changed.
fn read(raw: &RawValue) -> (Option<String>, Result<Option<Change>, Unreadable>) {
    match serde_json::from_str::<EventRecord>(raw.get()) {
        Ok(record) => (record.change.sequence_number.clone(), Change::of(record)),
        Err(_) => (None, Err(Unreadable::Record)),
    }
}

async fn one_order<R: Rows>(changes: Vec<(usize, Change)>, rows: &R, deadline: Deadline) -> Outcome {
    let mut outcome = Outcome::default();
    for (record, change) in changes {
        let done = if deadline.allows(NEEDED) {
            match deadline.bound(one_change(record, &change, rows)).await {
                Ok(done) => done,
                Err(passed) => Err(passed.into()),
            }
        } else {
            Err(DeadlinePassed.into())
        };
        match done {
            Ok(outgoing) => outcome.outgoing.extend(outgoing),
            Err(error) => {
                tracing::error!(error = %error, order_id = %change.order_id(), "notifier.change_failed");
                outcome.failed = Some(record);
                break;
            }
        }
    }
    outcome
}

async fn one_change<R: Rows>(record: usize, change: &Change, rows: &R) -> Result<Vec<Outgoing>, Unavailable> {
    let told = tell(change);
    let writes =
        try_join_all(told.iter().filter_map(|t| t.notification.as_ref()).map(|row| rows.put_notification(row)));
    let reads = try_join_all(shown_payments(change, &told).into_iter().map(|id| rows.payment(id)));
    let (_, payments) = tokio::try_join!(writes, reads)?;
    let mut outgoing = Vec::new();
    for told in &told {
        let at = told.at.rfc3339();
        let subject = match change {
            Change::Order { after, .. } => {
                let view = |id: Option<PaymentId>| {
                    let row = payments.iter().flatten().find(|payment| Some(payment.id) == id)?;
                    Some(PaymentView::new(row, &told.user))
                };
                let order = Box::new(OrderView::new(after, view(after.payment_id), view(after.payout_id)));
                ServerMessage::OrderUpdated { id: told.message_id, at: at.clone(), order }
            }
            Change::Payment { after, .. } => ServerMessage::PaymentUpdated {
                id: told.message_id,
                at: at.clone(),
                payment: PaymentView::new(after, &told.user),
            },
        };
        let notification = told.notification.as_ref().map(|row| ServerMessage::NotificationCreated {
            id: row.id,
            at,
            notification: NotificationView::from(row),
        });
        for message in std::iter::once(subject).chain(notification) {
            let message = serde_json::to_string(&message)?;
            outgoing.push(Outgoing { record, user: told.user, message });
        }
    }
    Ok(outgoing)
}

/// The payments that the change's messages show beside the changed row itself.
fn shown_payments(change: &Change, told: &[Told]) -> Vec<PaymentId> {
    match change {
        Change::Order { after, .. } if !told.is_empty() => {
            after.payment_id.into_iter().chain(after.payout_id).collect()
        }
        _ => Vec::new(),
    }
}

/// One mail for each user, its messages in the order of the batch.
fn sort(mut outgoing: Vec<Outgoing>) -> Vec<Mail> {
    outgoing.sort_by_key(|message| message.record);
    let mut mails: BTreeMap<Account, Mail> = BTreeMap::new();
    for Outgoing { record, user, message } in outgoing {
        let mail = mails.entry(user).or_insert(Mail { user, first_record: record, messages: Vec::new() });
        mail.messages.push(message);
    }
    mails.into_values().collect()
}
