//! Moves of an order: asked for, and carried out by a finalised event.

use aws_sdk_dynamodb::types::AttributeValue;
use descrow_domain::{
    Timestamp,
    command::{ChainCommand, CommandStatus},
    ledger::Transaction,
    order::Order,
    payment::Payment,
};

use super::Orders;
use crate::{
    IdempotencyRecord, StoreError, Table,
    access::based_on,
    error::Refused,
    expression::{expr, number, string},
    item::{encode, id_key},
    transaction::{Met, Write},
};

/// What became of a request to move an order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Requested {
    /// The move is pending.
    Done,
    /// The order changed meanwhile: as it is now.
    Stale(Option<Box<Order>>),
    /// The same request was answered before.
    Replay(Box<IdempotencyRecord>),
}

/// What a finalised event of the contract changes.
#[derive(Clone, Debug)]
pub struct ChainChange<'a> {
    /// The order after it; its version is one more than that of the order it is based on.
    pub order: &'a Order,
    /// The command that the event shows to be done, where one of ours caused it.
    pub command: Option<FinalCommand<'a>>,
    /// The payout that follows.
    pub payout: Option<&'a Payment>,
    /// What the books say about it.
    pub ledger: Option<&'a Transaction>,
}

/// A command whose event is in a finalised block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FinalCommand<'a> {
    /// The command's id.
    pub id: &'a str,
    /// The block.
    pub block: u64,
    /// Hash of the extrinsic that caused the event (0x-hex), where it is known.
    pub extrinsic: Option<&'a str>,
}

/// What became of a [`ChainChange`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Applied {
    /// It is written.
    Done,
    /// The order changed meanwhile: as it is now. An event that was applied before shows in its status.
    Stale(Option<Box<Order>>),
}

impl Orders<'_> {
    /// Makes a move pending: `next` is the order with the pending action, its version one more than that of the order it is
    /// based on, which had none. A command of the same id that failed before is armed again.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn request_move(
        self,
        next: &Order,
        command: &ChainCommand,
        idempotency: Option<&IdempotencyRecord>,
    ) -> Result<Requested, StoreError> {
        let mut arm = Write::create(command, "id")?;
        loop {
            let idle = based_on(next.version.saturating_sub(1)).and(expr("attribute_not_exists(#pending)"));
            let mut writes = vec![Write::Put { table: Table::Orders, item: encode(next)?, condition: idle }, arm];
            if let Some(record) = idempotency {
                writes.push(record.write(next.updated_at)?);
            }
            let mut cancelled = match self.0.transact(&writes).await {
                Ok(()) => return Ok(Requested::Done),
                Err(Refused::Store(error)) => return Err(error),
                Err(Refused::Condition(cancelled)) => cancelled,
            };
            if let Some(record) = cancelled.at(2) {
                let record = record.row()?;
                return record.map(|r| Requested::Replay(Box::new(r))).ok_or(StoreError::Contention(Table::Limits));
            }
            if let Some(order) = cancelled.at(0) {
                return Ok(Requested::Stale(order.row()?.map(Box::new)));
            }
            arm = rearm(command, cancelled.at(1).map(Met::row).transpose()?.flatten())?;
        }
    }

    /// Makes a finalised event true: order, command, payout and books together.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn apply_chain_event(self, change: &ChainChange<'_>, now: Timestamp) -> Result<Applied, StoreError> {
        let mut command = change.command;
        loop {
            let mut writes = vec![Write::replace(change.order, change.order.version.saturating_sub(1))?];
            if let Some(command) = command {
                writes.push(finalise(command, now));
            }
            if let Some(payout) = change.payout {
                writes.push(Write::create(payout, "id")?);
            }
            for entry in change.ledger.into_iter().flatten() {
                writes.push(Write::create(entry, "entry_id")?);
            }
            let mut cancelled = match self.0.transact(&writes).await {
                Ok(()) => return Ok(Applied::Done),
                Err(Refused::Store(error)) => return Err(error),
                Err(Refused::Condition(cancelled)) => cancelled,
            };
            match cancelled.at(0).map(Met::row::<Order>).transpose()? {
                Some(Some(order)) if order == *change.order => return Ok(Applied::Done),
                Some(Some(order)) => return Ok(Applied::Stale(Some(Box::new(order)))),
                Some(None) => return Ok(Applied::Stale(None)),
                // The event was caused by somebody else's transaction: there is no command of ours.
                None if command.is_some() && cancelled.at(1).is_some() => command = None,
                None => return Err(StoreError::Contention(Table::Orders)),
            }
        }
    }
}

/// The write that arms `command` anew over `old`, which failed; any other state of it is somebody else's move.
pub(crate) fn rearm(command: &ChainCommand, old: Option<ChainCommand>) -> Result<Write, StoreError> {
    match old {
        Some(old) if old.status == CommandStatus::Failed => {
            let again = ChainCommand { version: old.version.saturating_add(1), ..command.clone() };
            Write::replace(&again, old.version)
        }
        _ => Err(StoreError::Contention(Table::ChainCommands)),
    }
}

fn finalise(command: FinalCommand<'_>, now: Timestamp) -> Write {
    let mut set = String::from("SET #status = :final, #block = :block, #updated_at = :now, #version = #version + :one");
    if command.extrinsic.is_some() {
        set.push_str(", #extrinsic_hash = :extrinsic");
    }
    let mut change = expr(set + " REMOVE #open_shard, #error")
        .with(":final", string(CommandStatus::Final.as_str()))
        .with(":block", number(command.block))
        .with(":now", number(now.0))
        .with(":one", number(1));
    if let Some(extrinsic) = command.extrinsic {
        change = change.with(":extrinsic", AttributeValue::S(extrinsic.to_owned()));
    }
    let condition = expr("attribute_exists(#id)");
    Write::Update { table: Table::ChainCommands, key: id_key(command.id), change, condition }
}
