//! `messages`: what each user was told through the WebSocket, numbered, for a day.
//!
//! A user's partition holds its counter (`seq` 0) and its messages (`seq` 1 and up). What belongs together (a change's message, the
//! notification about it and its row) is one [`Telling`]; it is written with the counter's move and with a mark that keeps
//! it from being written again, in one transaction. So ids have no holes, a repeated stream record changes nothing, and two
//! writers for one user take turns: the one whose counter moved away tries again behind the other.

mod append;

use std::collections::HashMap;

use descrow_domain::{
    Account, NotificationId, PaymentId, Timestamp,
    notification::Notification,
    payment::Payment,
    realtime::{MessageId, ServerMessage},
};
use serde::{Deserialize, Serialize};

use crate::{
    Connection, Family, Store, StoreError, Table,
    expression::{Bindings, expr, number, string},
    item::{Item, Row, decode},
    sessions::family_key,
    together::Batch,
};

pub use append::Appended;

/// How long messages are kept.
const KEPT_SECONDS: i64 = 24 * 60 * 60;
/// How long it is remembered that something was told: longer than a stream keeps its records.
const MARKED_SECONDS: i64 = 48 * 60 * 60;

/// What one change tells one user: written together and once, or not at all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Telling {
    /// Names it: the same change told again has the same one.
    pub key: NotificationId,
    /// The messages; their ids are given when they are written.
    pub messages: Vec<ServerMessage>,
    /// The row of `notifications` that is written along.
    pub notification: Option<Notification>,
}

/// A message as it was numbered and written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    /// Its place.
    pub id: MessageId,
    /// Its JSON, as every device gets it.
    pub text: String,
}

/// What is to be known before users are told.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Asked {
    /// Payments that messages show.
    pub payments: Vec<PaymentId>,
    /// Who is to be told.
    pub users: Vec<Account>,
    /// What they are to be told: [`Telling::key`].
    pub keys: Vec<NotificationId>,
}

/// What is known of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Known {
    /// The payments that were found.
    pub payments: HashMap<PaymentId, Payment>,
    /// Why other rows that are there cannot be understood; no retry will change that.
    pub unreadable: Vec<StoreError>,
    /// The id of each user's newest message, where there is one.
    pub last: HashMap<Account, MessageId>,
    /// Users whose counter cannot be understood: they cannot be told anything, and others can.
    uncounted: HashMap<Account, StoreError>,
    told: HashMap<NotificationId, Mark>,
}

impl Known {
    /// Takes in a row of `messages`; `marks` names the keys of those that are marks.
    fn learn(&mut self, item: Item, marks: &HashMap<String, NotificationId>) {
        let partition = item.get("user_id").and_then(|value| value.as_s().ok()).cloned().unwrap_or_default();
        match marks.get(&partition) {
            Some(told) => {
                let mark = decode(item).unwrap_or_else(|error| {
                    self.unreadable.push(error);
                    Mark::without_ids(partition)
                });
                self.told.insert(*told, mark);
            }
            None => match decode::<Counter>(item) {
                Ok(counter) => {
                    self.last.insert(counter.user_id, MessageId::new(counter.last));
                }
                Err(error) => {
                    if let Ok(user) = partition.parse() {
                        self.uncounted.insert(user, error.clone());
                    }
                    self.unreadable.push(error);
                }
            },
        }
    }
}

/// The number of a user's newest message.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Counter {
    user_id: Account,
    seq: u64,
    last: u64,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Message {
    user_id: Account,
    seq: u64,
    text: String,
    expires_at: i64,
}

/// That something was told, and under which ids.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Mark {
    user_id: String,
    seq: u64,
    first: u64,
    count: u64,
    expires_at: i64,
}

impl Mark {
    /// In place of a mark that cannot be understood: what it names was told, under ids that are not known.
    fn without_ids(user_id: String) -> Self {
        Self { user_id, seq: 0, first: 0, count: 0, expires_at: 0 }
    }
}

impl Row for Counter {
    const TABLE: Table = Table::Messages;
}

impl Row for Message {
    const TABLE: Table = Table::Messages;
}

impl Row for Mark {
    const TABLE: Table = Table::Messages;
}

fn key(partition: impl ToString, seq: u64) -> Item {
    Item::from([("user_id".to_owned(), string(partition)), ("seq".to_owned(), number(seq))])
}

fn mark_id(telling: NotificationId) -> String {
    format!("told#{telling}")
}

/// Access to `messages`.
#[derive(Clone, Copy, Debug)]
pub struct Messages<'a>(pub(crate) &'a Store);

impl Messages<'_> {
    /// Reads all that is asked for, consistently and in parallel. A row that cannot be understood costs what depends on it.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn known(self, asked: &Asked) -> Result<Known, StoreError> {
        let payments = asked.payments.iter().map(|id| (Table::MpesaTransactions, crate::item::id_key(id)));
        let counters = asked.users.iter().map(|user| (Table::Messages, key(user, 0)));
        let marks = asked.keys.iter().map(|told| (Table::Messages, key(mark_id(*told), 0)));
        let keys: Vec<(Table, Item)> = payments.chain(counters).chain(marks).collect();
        let mut known = Known::default();
        let marks: HashMap<String, NotificationId> = asked.keys.iter().map(|told| (mark_id(*told), *told)).collect();
        for (table, item) in self.0.read_all(&keys).await? {
            match table {
                Table::MpesaTransactions => match decode::<Payment>(item) {
                    Ok(payment) => {
                        known.payments.insert(payment.id, payment);
                    }
                    Err(error) => known.unreadable.push(error),
                },
                _ => known.learn(item, &marks),
            }
        }
        Ok(known)
    }

    /// Tells `user` all of `tellings`, in order, and gives what is to be pushed: what was written, and what an earlier call had
    /// written already, under the ids it got then. After a failure nothing more is written.
    pub async fn append(self, user: &Account, tellings: Vec<Telling>, known: &Known, now: Timestamp) -> Appended {
        append::append(self.0, user, tellings, known, now).await
    }

    /// The id of `user`'s newest message; 0 where there never was one.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn last(self, user: &Account) -> Result<MessageId, StoreError> {
        let counter: Option<Counter> = self.0.get(key(user, 0)).await?;
        Ok(counter.map_or(MessageId::ZERO, |counter| MessageId::new(counter.last)))
    }

    /// The id of the newest message for the user of `connection`, if the connection's session stands at `now`; one round trip.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn last_for(self, connection: &Connection, now: Timestamp) -> Result<Option<MessageId>, StoreError> {
        let Some(family) = connection.family else { return Ok(None) };
        let mut batch = Batch::default();
        batch.want(Table::Sessions, Some(family_key(family)));
        batch.want(Table::Messages, Some(key(connection.user_id, 0)));
        self.0.fill(&mut batch).await?;
        let (mut stands, mut last) = (false, MessageId::ZERO);
        for (table, item) in batch.into_items() {
            match table {
                Table::Sessions => stands = decode::<Family>(item)?.alive(now),
                _ => last = MessageId::new(decode::<Counter>(item)?.last),
            }
        }
        Ok(stands.then_some(last))
    }

    /// Reads at most `limit` of `user`'s messages after `id`; gives those that are kept at `now`, in order, and up to which id
    /// was read where more may follow. DynamoDB removes what is too old hours later: such a row is read and left out.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn after(
        self,
        user: &Account,
        id: MessageId,
        limit: usize,
        now: Timestamp,
    ) -> Result<(Vec<Kept>, Option<MessageId>), StoreError> {
        let condition =
            expr("#user_id = :user AND #seq > :id").with(":user", string(user)).with(":id", number(id.number()));
        let bindings = Bindings::of([&condition]);
        let output = self
            .0
            .client()
            .query()
            .table_name(self.0.tables().name(Table::Messages)?)
            .key_condition_expression(condition.text())
            .set_expression_attribute_names(bindings.names)
            .set_expression_attribute_values(bindings.values)
            .consistent_read(true)
            .limit(i32::try_from(limit).unwrap_or(i32::MAX))
            .send()
            .await
            .map_err(|error| StoreError::failed("Query", Table::Messages, &error))?;
        let sequence = |key: Item| key.get("seq").and_then(|seq| seq.as_n().ok()?.parse().ok()).map(MessageId::new);
        let reached = output.last_evaluated_key.and_then(sequence);
        let rows = output.items.unwrap_or_default().into_iter().map(decode::<Message>);
        let mut kept = Vec::new();
        for row in rows {
            let row = row?;
            if row.expires_at > now.seconds() {
                kept.push(Kept { id: MessageId::new(row.seq), text: row.text });
            }
        }
        Ok((kept, reached))
    }
}
