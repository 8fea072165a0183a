//! Several items that must agree, written together or not at all.

use std::{collections::HashMap, time::Duration};

use aws_sdk_dynamodb::{
    error::SdkError,
    operation::transact_write_items::TransactWriteItemsError,
    types::{
        CancellationReason, ConditionCheck, Delete, Put, ReturnValuesOnConditionCheckFailure::AllOld,
        TransactWriteItem, Update,
    },
};

use crate::{
    Store, StoreError, Table,
    access::{absent, based_on},
    error::Refused,
    expression::{Bindings, Expression},
    item::{Item, Row, decode, encode},
};

/// How often a transaction that met another one on the same items is tried: about a second, in which some dozens of buyers of
/// one product come through one after the other.
const ATTEMPTS: u32 = 8;
/// What is waited at most before the second attempt; it doubles.
const PAUSE: Duration = Duration::from_millis(20);
/// What is waited at most before any.
const LONGEST_PAUSE: Duration = Duration::from_millis(320);
/// The reason that stands beside a write which the database had no capacity for.
const THROTTLED: &str = "ThrottlingError";

/// One write of a transaction.
pub(crate) enum Write {
    Put {
        table: Table,
        item: Item,
        condition: Expression,
    },
    Update {
        table: Table,
        key: Item,
        change: Expression,
        condition: Expression,
    },
    /// An update of what is there, or of nothing.
    Change {
        table: Table,
        key: Item,
        change: Expression,
    },
    Check {
        table: Table,
        key: Item,
        condition: Expression,
    },
    Delete {
        table: Table,
        key: Item,
        condition: Expression,
    },
}

impl Write {
    /// A row that must not be there yet.
    pub(crate) fn create<R: Row>(row: &R, key: &str) -> Result<Self, StoreError> {
        Ok(Self::Put { table: R::TABLE, item: encode(row)?, condition: absent(key) })
    }

    /// A row that replaces the one of `version`.
    pub(crate) fn replace<R: Row>(row: &R, version: u64) -> Result<Self, StoreError> {
        Ok(Self::Put { table: R::TABLE, item: encode(row)?, condition: based_on(version) })
    }

    /// An update that wants `more` of what is there, where there is any.
    pub(crate) fn and_only(self, more: Option<Expression>) -> Self {
        match (self, more) {
            (Self::Update { table, key, change, condition }, Some(more)) => {
                Self::Update { table, key, change, condition: condition.and(more) }
            }
            (write, _) => write,
        }
    }

    fn table(&self) -> Table {
        match self {
            Self::Put { table, .. }
            | Self::Update { table, .. }
            | Self::Change { table, .. }
            | Self::Check { table, .. }
            | Self::Delete { table, .. } => *table,
        }
    }

    fn build(&self, store: &Store) -> Result<TransactWriteItem, StoreError> {
        let name = store.tables().name(self.table())?;
        let malformed = |_| StoreError::Unwritable { table: self.table(), reason: "incomplete write".to_owned() };
        let write = TransactWriteItem::builder();
        Ok(match self {
            Self::Put { item, condition, .. } => {
                let bindings = Bindings::of([condition]);
                let put = Put::builder()
                    .table_name(name)
                    .set_item(Some(item.clone()))
                    .condition_expression(condition.text())
                    .set_expression_attribute_names(bindings.names)
                    .set_expression_attribute_values(bindings.values)
                    .return_values_on_condition_check_failure(AllOld);
                write.put(put.build().map_err(malformed)?).build()
            }
            Self::Update { key, change, condition, .. } => {
                let bindings = Bindings::of([change, condition]);
                let update = Update::builder()
                    .table_name(name)
                    .set_key(Some(key.clone()))
                    .update_expression(change.text())
                    .condition_expression(condition.text())
                    .set_expression_attribute_names(bindings.names)
                    .set_expression_attribute_values(bindings.values)
                    .return_values_on_condition_check_failure(AllOld);
                write.update(update.build().map_err(malformed)?).build()
            }
            Self::Change { key, change, .. } => {
                let bindings = Bindings::of([change]);
                let update = Update::builder()
                    .table_name(name)
                    .set_key(Some(key.clone()))
                    .update_expression(change.text())
                    .set_expression_attribute_names(bindings.names)
                    .set_expression_attribute_values(bindings.values);
                write.update(update.build().map_err(malformed)?).build()
            }
            Self::Check { key, condition, .. } => {
                let bindings = Bindings::of([condition]);
                let check = ConditionCheck::builder()
                    .table_name(name)
                    .set_key(Some(key.clone()))
                    .condition_expression(condition.text())
                    .set_expression_attribute_names(bindings.names)
                    .set_expression_attribute_values(bindings.values)
                    .return_values_on_condition_check_failure(AllOld);
                write.condition_check(check.build().map_err(malformed)?).build()
            }
            Self::Delete { key, condition, .. } => {
                let bindings = Bindings::of([condition]);
                let delete = Delete::builder()
                    .table_name(name)
                    .set_key(Some(key.clone()))
                    .condition_expression(condition.text())
                    .set_expression_attribute_names(bindings.names)
                    .set_expression_attribute_values(bindings.values)
                    .return_values_on_condition_check_failure(AllOld);
                write.delete(delete.build().map_err(malformed)?).build()
            }
        })
    }
}

/// Why a transaction did not happen: for each of its writes whose condition failed, the item that it met.
#[derive(Debug, Default)]
pub(crate) struct Cancelled {
    met: HashMap<usize, Met>,
}

/// What a refused write met.
#[derive(Debug)]
pub(crate) enum Met {
    /// Another item than its condition allows.
    Item(Item),
    /// None, where its condition wanted one.
    Nothing,
}

impl Met {
    /// The row, where there was one.
    pub(crate) fn row<R: Row>(self) -> Result<Option<R>, StoreError> {
        match self {
            Self::Item(item) => decode(item).map(Some),
            Self::Nothing => Ok(None),
        }
    }
}

impl Cancelled {
    /// What write `n` met, if its condition failed.
    pub(crate) fn at(&mut self, n: usize) -> Option<Met> {
        self.met.remove(&n)
    }
}

enum Outcome {
    Refused(Cancelled),
    /// Another transaction is on the same items.
    Conflict,
    /// The database is too busy.
    Throttled,
}

impl Store {
    /// Writes all of `writes`, or none and says which conditions failed. Meeting another transaction on the same items is
    /// no answer, so that is tried again for a while.
    pub(crate) async fn transact(&self, writes: &[Write]) -> Result<(), Refused<Cancelled>> {
        let first = writes.first().map_or(Table::Orders, Write::table);
        let items = writes.iter().map(|write| write.build(self)).collect::<Result<Vec<_>, _>>()?;
        let mut pause = PAUSE;
        for attempt in 1..=ATTEMPTS {
            let sent = self.client().transact_write_items().set_transact_items(Some(items.clone())).send().await;
            let Err(error) = sent else { return Ok(()) };
            match classify(error) {
                Ok(Outcome::Refused(cancelled)) => return Err(Refused::Condition(cancelled)),
                Ok(Outcome::Conflict | Outcome::Throttled) if attempt < ATTEMPTS => {
                    tokio::time::sleep(some_of(pause)).await;
                    pause = pause.saturating_mul(2).min(LONGEST_PAUSE);
                }
                Ok(Outcome::Conflict) => break,
                Ok(Outcome::Throttled) => {
                    let code = THROTTLED.to_owned();
                    return Err(StoreError::Failed { operation: "TransactWriteItems", table: first, code }.into());
                }
                Err(code) => {
                    return Err(StoreError::Failed { operation: "TransactWriteItems", table: first, code }.into());
                }
            }
        }
        Err(StoreError::Contention(first).into())
    }
}

/// Any time from none to all of `pause`: those who met once would meet again if they waited the same.
fn some_of(pause: Duration) -> Duration {
    let most = u64::try_from(pause.as_micros()).unwrap_or(u64::MAX).max(1);
    let (_, random) = uuid::Uuid::new_v4().as_u64_pair();
    Duration::from_micros(random % most)
}

fn classify<R>(error: SdkError<TransactWriteItemsError, R>) -> Result<Outcome, String> {
    let SdkError::ServiceError(service) = error else {
        return Err(match StoreError::failed("", Table::Orders, &error) {
            StoreError::Failed { code, .. } => code,
            other => other.to_string(),
        });
    };
    match service.into_err() {
        TransactWriteItemsError::TransactionCanceledException(cancelled) => {
            let reasons = cancelled.cancellation_reasons.unwrap_or_default();
            let code = |reason: &CancellationReason| reason.code.clone().unwrap_or_default();
            if reasons.iter().any(|reason| code(reason) == "ConditionalCheckFailed") {
                let met =
                    reasons.into_iter().enumerate().filter(|(_, reason)| code(reason) == "ConditionalCheckFailed");
                let met = met.map(|(n, reason)| (n, reason.item.map_or(Met::Nothing, Met::Item))).collect();
                return Ok(Outcome::Refused(Cancelled { met }));
            }
            match reasons.iter().map(code).find(|code| code != "None") {
                Some(code) if code == "TransactionConflict" => Ok(Outcome::Conflict),
                Some(code) if code == THROTTLED => Ok(Outcome::Throttled),
                Some(code) => Err(code),
                None => Err("TransactionCanceledException".to_owned()),
            }
        }
        TransactWriteItemsError::TransactionInProgressException(_) => Ok(Outcome::Conflict),
        other => Err(aws_sdk_dynamodb::error::ProvideErrorMetadata::code(&other).unwrap_or("unknown").to_owned()),
    }
}
