//! One batch of stream records.

use std::{collections::BTreeMap, time::Duration};

use aws_lambda_events::{
    event::dynamodb::EventRecord,
    streams::{DynamoDbBatchItemFailure, DynamoDbEventResponse},
};
use descrow_domain::{Account, PaymentId, Timestamp, payment::Payment, realtime::frames};
use descrow_platform::{Deadline, deadline::DeadlinePassed};
use descrow_store::{Asked, Known, StoreError, Telling};
use futures_util::{StreamExt, stream};
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::{
    change::{Change, Unreadable},
    fan_out::{Courier, Mail, Push},
    rows::Rows,
    story::{tell, telling},
};

/// Changes that are worked on together; a batch of more is taken in such portions, so that its size is not ours.
pub const PORTION: usize = 100;
/// Users whose messages are written at a time; the messages of one user are written one after the other.
const USERS_AT_A_TIME: usize = 32;
/// What a portion may need; with less left, it is given back to the stream.
const NEEDED: Duration = Duration::from_secs(2);

/// A batch as Lambda delivers it. Records are read one by one, so that one that is malformed does not cost the others.
#[derive(Debug, Deserialize)]
pub struct StreamEvent {
    /// The records, in the order of the stream.
    #[serde(rename = "Records")]
    pub records: Vec<Box<RawValue>>,
}

/// A portion could not be handled now; the same may work later.
#[derive(Debug, thiserror::Error)]
enum Unavailable {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Deadline(#[from] DeadlinePassed),
}

/// Changes with their places in the batch.
type Portion = Vec<(usize, Change)>;

/// What became of a portion: mail for its users, and the first record that must come again.
#[derive(Default)]
struct Written {
    mail: Vec<Mail>,
    failed: Option<usize>,
}

/// Handles a batch, and reports the first record that must come again. The stream delivers that one and all after it
/// once more, which costs repeated messages with the same ids and nothing else.
///
/// While the messages of one portion are pushed, the next one is written; nothing of a third is in memory.
pub async fn process<R: Rows, P: Push>(
    event: StreamEvent,
    rows: &R,
    courier: &Courier<P>,
    deadline: Deadline,
) -> DynamoDbEventResponse {
    let records = event.records;
    let mut next = 0;
    let mut mail = Vec::new();
    let mut failed: Option<usize> = None;
    while failed.is_none() && (next < records.len() || !mail.is_empty()) {
        let portion = read(&records, &mut next);
        let (written, undelivered) =
            tokio::join!(write(portion, rows, deadline), courier.deliver(std::mem::take(&mut mail), rows, deadline));
        failed = written.failed.into_iter().chain(undelivered).min();
        mail = written.mail;
    }
    // Of a portion that failed, what was written is pushed all the same.
    let undelivered = courier.deliver(mail, rows, deadline).await;
    let mut response = DynamoDbEventResponse::default();
    if let Some(record) = failed.into_iter().chain(undelivered).min().and_then(|index| records.get(index)) {
        let mut failure = DynamoDbBatchItemFailure::default();
        failure.item_identifier = sequence_number(record);
        response.batch_item_failures.push(failure);
    }
    response
}

/// The next portion of changes that can be understood.
fn read(records: &[Box<RawValue>], next: &mut usize) -> Portion {
    let mut portion = Portion::new();
    while portion.len() < PORTION {
        let Some(raw) = records.get(*next) else { break };
        let record = serde_json::from_str::<EventRecord>(raw.get()).map_err(|_| Unreadable::Record);
        match record.and_then(Change::of) {
            Ok(Some(change)) => portion.push((*next, change)),
            Ok(None) => {}
            Err(error) => tracing::error!(error = %error, record = *next, "notifier.record_unreadable"),
        }
        *next += 1;
    }
    portion
}

/// The record's place in its stream.
fn sequence_number(raw: &RawValue) -> Option<String> {
    serde_json::from_str::<EventRecord>(raw.get()).ok()?.change.sequence_number
}

/// Writes what a portion tells: one read for all of it, then each user's messages.
async fn write<R: Rows>(portion: Portion, rows: &R, deadline: Deadline) -> Written {
    let Some(first) = portion.first().map(|(record, _)| *record) else { return Written::default() };
    match write_in_time(&portion, rows, deadline).await {
        Ok(written) => written,
        Err(error) => {
            tracing::error!(error = %error, record = first, "notifier.portion_failed");
            Written { mail: Vec::new(), failed: Some(first) }
        }
    }
}

async fn write_in_time<R: Rows>(portion: &Portion, rows: &R, deadline: Deadline) -> Result<Written, Unavailable> {
    if !deadline.allows(NEEDED) {
        return Err(DeadlinePassed.into());
    }
    let mut told = Vec::new();
    let mut asked = Asked::default();
    for (record, change) in portion {
        let all = tell(change);
        if !all.is_empty() {
            asked.payments.extend(shown_payments(change));
        }
        asked.users.extend(all.iter().map(|told| told.user));
        asked.keys.extend(all.iter().map(|told| told.key));
        told.extend(all.into_iter().map(|told| (*record, change, told)));
    }
    if told.is_empty() {
        return Ok(Written::default());
    }
    asked.payments.sort_unstable();
    asked.payments.dedup();
    asked.users.sort_unstable();
    asked.users.dedup();
    let known = deadline.bound(rows.known(&asked)).await??;
    for error in &known.unreadable {
        tracing::error!(error = %error, "notifier.row_unreadable");
    }
    let payment = |id: PaymentId| -> Option<&Payment> { known.payments.get(&id) };
    let mut by_user: BTreeMap<Account, (Vec<usize>, Vec<Telling>)> = BTreeMap::new();
    for (record, change, told) in told {
        let (records, tellings) = by_user.entry(told.user).or_default();
        records.push(record);
        tellings.push(telling(change, told, &payment));
    }
    let now = Timestamp::now();
    let known = &known;
    let written: Vec<(Option<Mail>, Option<usize>)> = stream::iter(by_user)
        .map(|(user, (records, tellings))| one_user(user, records, tellings, rows, known, now, deadline))
        .buffer_unordered(USERS_AT_A_TIME)
        .collect()
        .await;
    let failed = written.iter().filter_map(|(_, failed)| *failed).min();
    Ok(Written { mail: written.into_iter().filter_map(|(mail, _)| mail).collect(), failed })
}

/// Writes a user's messages; the mail for it, and the first record of what was not written.
async fn one_user<R: Rows>(
    user: Account,
    records: Vec<usize>,
    tellings: Vec<Telling>,
    rows: &R,
    known: &Known,
    now: Timestamp,
    deadline: Deadline,
) -> (Option<Mail>, Option<usize>) {
    let first_record = records.first().copied().unwrap_or_default();
    let Ok(appended) = deadline.bound(rows.append(&user, tellings, known, now)).await else {
        tracing::error!(error = %DeadlinePassed, "notifier.append_failed");
        return (None, Some(first_record));
    };
    let failed = appended.failed.and_then(|(place, error)| {
        tracing::error!(error = %error, "notifier.append_failed");
        // What cannot be understood now cannot be later, and others wait behind it.
        let lasting = matches!(error, StoreError::Unreadable { .. });
        (!lasting).then(|| records.get(place).copied().unwrap_or(first_record))
    });
    let frames = frames(appended.kept.iter().map(|message| message.text.as_str()));
    ((!frames.is_empty()).then_some(Mail { user, first_record, frames }), failed)
}

/// The payments that the change's messages show beside the changed row itself.
fn shown_payments(change: &Change) -> Vec<PaymentId> {
    match change {
        Change::Order { after, .. } => {
            after.payment_id.into_iter().chain(after.payout_id).chain(after.refund_id).collect()
        }
        Change::Payment { .. } | Change::Notification { .. } => Vec::new(),
    }
}
