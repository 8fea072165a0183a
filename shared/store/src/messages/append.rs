//! Numbering and writing what one user is told.

use std::{collections::HashSet, time::Duration};

use descrow_domain::{Account, Timestamp, realtime::MessageId};

use super::{Counter, KEPT_SECONDS, Kept, Known, MARKED_SECONDS, Mark, Message, Messages, Telling, key, mark_id};
use crate::{
    Store, StoreError, Table,
    access::absent,
    error::Refused,
    expression::{Expression, expr, number},
    item::encode,
    notifications::pushed,
    transaction::{Cancelled, Met, Write},
};

/// DynamoDB takes so many writes in one transaction.
const MAX_WRITES: usize = 100;
/// And so many bytes, of 4 MB, for the messages in it.
const MAX_BYTES: usize = 3_000_000;
/// How often a transaction is tried whose counter somebody else moved.
const ATTEMPTS: u32 = 12;
/// What is waited at most before the second attempt; before the third twice that, and so on.
const PAUSE_MILLIS: u64 = 10;

/// What came of it.
#[derive(Debug, Default)]
pub struct Appended {
    /// The messages to push, in order.
    pub kept: Vec<Kept>,
    /// Why the rest was not told, and the place in the list of the first telling of that rest.
    pub failed: Option<(usize, StoreError)>,
}

/// A telling on its way, and its place in the list.
struct Waiting {
    place: usize,
    telling: Telling,
    bytes: usize,
}

impl Waiting {
    fn writes(&self) -> usize {
        1 + self.telling.messages.len() + usize::from(self.telling.notification.is_some())
    }
}

pub(super) async fn append(
    store: &Store,
    user: &Account,
    tellings: Vec<Telling>,
    known: &Known,
    now: Timestamp,
) -> Appended {
    if let Some(error) = known.uncounted.get(user) {
        return Appended { kept: Vec::new(), failed: Some((0, error.clone())) };
    }
    let mut writer = Writer { store, user, now, last: known.last.get(user).copied().unwrap_or_default() };
    let mut done = Appended::default();
    done.failed = append_all(&mut writer, tellings, known, &mut done.kept).await.err();
    done.kept.sort_by_key(|message| message.id);
    done
}

async fn append_all(
    writer: &mut Writer<'_>,
    tellings: Vec<Telling>,
    known: &Known,
    kept: &mut Vec<Kept>,
) -> Result<(), (usize, StoreError)> {
    let mut chunk: Vec<Waiting> = Vec::new();
    let mut seen = HashSet::new();
    for (place, telling) in tellings.into_iter().enumerate() {
        // One change can come twice in one batch; no transaction may name a mark twice.
        if !seen.insert(telling.key) {
            continue;
        }
        let step = match known.told.get(&telling.key) {
            // It is pushed again in its place, in case it was not the first time.
            Some(mark) => writer.told_before(mark).await.map(|again| kept.extend(again)),
            None => writer.take(place, telling, &mut chunk, kept).await,
        };
        step.map_err(|error| (chunk.first().map_or(place, |waiting| waiting.place), error))?;
    }
    let first = chunk.first().map_or(0, |waiting| waiting.place);
    writer.write(&mut chunk, kept).await.map_err(|error| (chunk.first().map_or(first, |w| w.place), error))
}

struct Writer<'a> {
    store: &'a Store,
    user: &'a Account,
    now: Timestamp,
    last: MessageId,
}

impl Writer<'_> {
    /// Puts a telling into the chunk, writing the chunk first where it is full.
    async fn take(
        &mut self,
        place: usize,
        telling: Telling,
        chunk: &mut Vec<Waiting>,
        kept: &mut Vec<Kept>,
    ) -> Result<(), StoreError> {
        let mut bytes = 0;
        for message in &telling.messages {
            bytes += message.text().map_err(unwritable)?.len();
        }
        let waiting = Waiting { place, telling, bytes };
        let writes: usize = 1 + waiting.writes() + chunk.iter().map(Waiting::writes).sum::<usize>();
        let bytes = bytes + chunk.iter().map(|waiting| waiting.bytes).sum::<usize>();
        if writes > MAX_WRITES || bytes > MAX_BYTES {
            self.write(chunk, kept).await?;
        }
        chunk.push(waiting);
        Ok(())
    }

    /// Writes the chunk in one transaction and empties it; what others told meanwhile is taken from them. The chunk is left as
    /// it is where nothing was written.
    async fn write(&mut self, chunk: &mut Vec<Waiting>, kept: &mut Vec<Kept>) -> Result<(), StoreError> {
        for attempt in 1..=ATTEMPTS {
            if chunk.is_empty() {
                return Ok(());
            }
            let (writes, texts, last) = self.plan(chunk)?;
            match self.store.transact(&writes).await {
                Ok(()) => {
                    self.last = last;
                    kept.extend(texts);
                    chunk.clear();
                    return Ok(());
                }
                Err(Refused::Condition(cancelled)) => self.learn(cancelled, chunk, kept).await?,
                Err(Refused::Store(StoreError::Contention(_))) => {}
                Err(Refused::Store(error)) => return Err(error),
            }
            tokio::time::sleep(pause(attempt)).await;
        }
        Err(StoreError::Contention(Table::Messages))
    }

    /// The transaction for the chunk, its messages, and the counter after it.
    fn plan(&self, chunk: &mut [Waiting]) -> Result<(Vec<Write>, Vec<Kept>, MessageId), StoreError> {
        let (mut writes, mut texts, mut id) = (Vec::new(), Vec::new(), self.last);
        for Waiting { telling, .. } in chunk {
            let mark = Mark {
                user_id: mark_id(telling.key),
                seq: 0,
                first: id.next().number(),
                count: u64::try_from(telling.messages.len()).unwrap_or_default(),
                expires_at: self.now.plus_seconds(MARKED_SECONDS).seconds(),
            };
            writes.push(Write::create(&mark, "user_id")?);
            for message in &mut telling.messages {
                id = id.next();
                message.set_id(id);
                let text = message.text().map_err(unwritable)?;
                let row = Message {
                    user_id: *self.user,
                    seq: id.number(),
                    text: text.clone(),
                    expires_at: self.now.plus_seconds(KEPT_SECONDS).seconds(),
                };
                // The counter alone decides who writes which number.
                writes.push(Write::Put { table: Table::Messages, item: encode(&row)?, condition: absent("seq") });
                texts.push(Kept { id, text });
            }
            if let Some(row) = &telling.notification {
                writes.push(Write::Put {
                    table: Table::Notifications,
                    item: pushed(encode(row)?),
                    condition: absent("id"),
                });
            }
        }
        let counter = Write::Update {
            table: Table::Messages,
            key: key(self.user, 0),
            change: expr("SET #last = :next").with(":next", number(id.number())),
            condition: self.unmoved(),
        };
        writes.insert(0, counter);
        Ok((writes, texts, id))
    }

    /// That the counter is where it was.
    fn unmoved(&self) -> Expression {
        if self.last == MessageId::ZERO {
            expr("attribute_not_exists(#last)")
        } else {
            expr("#last = :last").with(":last", number(self.last.number()))
        }
    }

    /// Learns from what a refused transaction met: where the counter is, what was told already, which rows are there.
    async fn learn(
        &mut self,
        mut cancelled: Cancelled,
        chunk: &mut Vec<Waiting>,
        kept: &mut Vec<Kept>,
    ) -> Result<(), StoreError> {
        if let Some(met) = cancelled.at(0) {
            self.last = met.row::<Counter>()?.map_or(MessageId::ZERO, |counter| MessageId::new(counter.last));
        }
        let (mut place, mut told) = (1, Vec::new());
        for waiting in chunk.iter_mut() {
            let writes = waiting.writes();
            told.push(match cancelled.at(place) {
                Some(met) => met.row::<Mark>()?,
                None => None,
            });
            let row = place + writes - 1;
            if waiting.telling.notification.is_some() && matches!(cancelled.at(row), Some(Met::Item(_))) {
                // Whoever wrote the row did so before there were messages, or too long ago to be remembered.
                waiting.telling.notification = None;
            }
            place += writes;
        }
        for mark in told.iter().flatten() {
            kept.extend(self.told_before(mark).await?);
        }
        let mut told = told.into_iter();
        chunk.retain(|_| told.next().flatten().is_none());
        Ok(())
    }

    /// What was told under `mark`, as far as it is kept.
    async fn told_before(&self, mark: &Mark) -> Result<Vec<Kept>, StoreError> {
        let Some(before) = mark.first.checked_sub(1) else { return Ok(Vec::new()) };
        let count = usize::try_from(mark.count).unwrap_or_default();
        if count == 0 {
            return Ok(Vec::new());
        }
        let (found, _) = Messages(self.store).after(self.user, MessageId::new(before), count, self.now).await?;
        let end = mark.first.saturating_add(mark.count);
        Ok(found.into_iter().filter(|message| message.id.number() < end).collect())
    }
}

/// Two writers that wait for random times do not keep meeting.
fn pause(attempt: u32) -> Duration {
    let longest = PAUSE_MILLIS * u64::from(attempt);
    let random = uuid::Uuid::new_v4().as_u64_pair().0;
    Duration::from_millis(random % (longest + 1))
}

fn unwritable(error: impl std::fmt::Display) -> StoreError {
    StoreError::Unwritable { table: Table::Messages, reason: error.to_string() }
}
