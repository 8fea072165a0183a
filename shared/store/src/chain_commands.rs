//! `chain_commands`: what the oracle has promised to write.

use descrow_domain::{
    Timestamp,
    command::{ChainCommand, CommandKind, CommandStatus},
    order::OrderStatus,
    payment::Payment,
};

use crate::{
    Replaced, SignerStep, Store, StoreError, Table,
    error::Refused,
    expression::{Bindings, expr, number, string},
    item::{Item, Row, decode, id_key},
    transaction::Write,
};

/// The partition of `by_state` that holds every open command.
const OPEN: &str = "open";

impl Row for ChainCommand {
    const TABLE: Table = Table::ChainCommands;

    fn index(&self, item: &mut Item) {
        if self.status.is_open() {
            item.insert("open_shard".into(), string(OPEN));
        }
    }
}

/// Access to `chain_commands`.
#[derive(Clone, Copy, Debug)]
pub struct ChainCommands<'a>(pub(crate) &'a Store);

impl ChainCommands<'_> {
    /// The command.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn get(self, id: &str) -> Result<Option<ChainCommand>, StoreError> {
        self.0.get(id_key(id)).await
    }

    /// Commits a command; `false` when one with its id is there.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn create(self, command: &ChainCommand) -> Result<bool, StoreError> {
        Ok(self.0.create(command, "id").await?.is_none())
    }

    /// Replaces the row of `next.version - 1`: signed, final, or queued anew. For a command that failed see [`Self::fail`].
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn replace(self, next: &ChainCommand) -> Result<Replaced<ChainCommand>, StoreError> {
        self.0.replace(next, next.version.saturating_sub(1)).await
    }

    /// Gives up a command that the contract refuses: `next` is the command in status failed, its version one more than that
    /// of the row it is based on. In one transaction with it the order's pending move, if it waits for this command, ends; and
    /// the payout that was taken back for a dispute that does not come about is queued again.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn fail(self, next: &ChainCommand) -> Result<Replaced<ChainCommand>, StoreError> {
        let payout = self.payout_taken_back(next).await?;
        let change = expr("SET #updated_at = :now, #version = #version + :one REMOVE #pending")
            .with(":now", number(next.updated_at.0))
            .with(":one", number(1));
        let condition = expr("#pending.#command_id = :command").with(":command", string(&next.id));
        let release = Write::Update { table: Table::Orders, key: id_key(next.order_id), change, condition };
        let mut writes = vec![Write::replace(next, next.version.saturating_sub(1))?, release];
        if let Some(queued) = payout.and_then(|payout| payout.queued_again(next.updated_at)) {
            writes.push(Write::replace(&queued, queued.version.saturating_sub(1))?);
        }
        match self.0.transact(&writes).await {
            Ok(()) => Ok(Replaced::Done),
            Err(Refused::Store(error)) => Err(error),
            Err(Refused::Condition(mut cancelled)) => match cancelled.at(0) {
                Some(found) => match found.row()? {
                    Some(found) if found == *next => Ok(Replaced::Done),
                    found => Ok(Replaced::Stale(found.map(Box::new))),
                },
                None if cancelled.at(2).is_some() => Err(StoreError::Contention(Table::MpesaTransactions)),
                // No move of the order waits for it.
                None => self.replace(next).await,
            },
        }
    }

    /// The payout that a dispute on a delivered order stopped.
    async fn payout_taken_back(self, command: &ChainCommand) -> Result<Option<Payment>, StoreError> {
        if command.command.command_kind() != CommandKind::RaiseDispute {
            return Ok(None);
        }
        let order = self.0.orders().get(command.order_id).await?;
        let delivered = order.filter(|order| order.status == OrderStatus::Delivered);
        match delivered.and_then(|order| order.payout_id) {
            Some(payout) => self.0.payments().get(payout).await,
            None => Ok(None),
        }
    }

    /// At most `limit` open commands that did not change since `before`, the longest untouched first. A row that cannot be read
    /// is an error in its place.
    ///
    /// # Errors
    /// [`StoreError`] when the index cannot be read.
    pub async fn open(
        self,
        before: Timestamp,
        limit: usize,
    ) -> Result<Vec<Result<ChainCommand, StoreError>>, StoreError> {
        let condition = expr("#open_shard = :open AND #updated_at <= :before")
            .with(":open", string(OPEN))
            .with(":before", number(before.0));
        let bindings = Bindings::of([&condition]);
        let output = self
            .0
            .client()
            .query()
            .table_name(self.0.tables().name(Table::ChainCommands)?)
            .index_name("by_state")
            .key_condition_expression(condition.text())
            .set_expression_attribute_names(bindings.names)
            .set_expression_attribute_values(bindings.values)
            .limit(i32::try_from(limit).unwrap_or(i32::MAX))
            .send()
            .await
            .map_err(|error| StoreError::failed("Query", Table::ChainCommands, &error))?;
        Ok(output.items.unwrap_or_default().into_iter().map(decode).collect())
    }

    /// Remembers that `commands` were signed in one extrinsic, before its bytes are sent: only these bytes are ever sent for
    /// them. In one transaction with it the signer's nonce moves on. `false`, and nothing is written, when a command changed
    /// meanwhile or another signer was at work.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn mark_submitted(
        self,
        commands: &[ChainCommand],
        signed: &Signed,
        step: SignerStep<'_>,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let mut writes = vec![step.write()?];
        for command in commands {
            let next = ChainCommand {
                status: CommandStatus::Submitted,
                extrinsic_hash: Some(signed.hash.clone()),
                extrinsic_bytes: Some(signed.bytes.clone()),
                nonce: Some(signed.nonce),
                valid_until_block: Some(signed.valid_until_block),
                attempts: command.attempts.saturating_add(1),
                ..touched(command, now)
            };
            writes.push(Write::replace(&next, command.version)?);
        }
        match self.0.transact(&writes).await {
            Ok(()) => Ok(true),
            Err(Refused::Condition(_)) => Ok(false),
            Err(Refused::Store(error)) => Err(error),
        }
    }

    /// Queues a command anew whose transaction expired unseen: it will be signed again.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn rearm(self, command: &ChainCommand, now: Timestamp) -> Result<Replaced<ChainCommand>, StoreError> {
        let next = ChainCommand {
            status: CommandStatus::Queued,
            extrinsic_hash: None,
            extrinsic_bytes: None,
            nonce: None,
            valid_until_block: None,
            error: None,
            ..touched(command, now)
        };
        self.replace(&next).await
    }

    /// Gives up a command with the contract's reason, and ends the order's pending move that waits for it.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn mark_failed(
        self,
        command: &ChainCommand,
        reason: &str,
        now: Timestamp,
    ) -> Result<Replaced<ChainCommand>, StoreError> {
        let error = Some(reason.chars().take(500).collect());
        self.fail(&ChainCommand { status: CommandStatus::Failed, error, ..touched(command, now) }).await
    }

    /// Marks a command that a finalised block shows to be done, where no order changes with it.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn mark_final(
        self,
        command: &ChainCommand,
        block: u64,
        now: Timestamp,
    ) -> Result<Replaced<ChainCommand>, StoreError> {
        let next =
            ChainCommand { status: CommandStatus::Final, block: Some(block), error: None, ..touched(command, now) };
        self.replace(&next).await
    }
}

/// A signed extrinsic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signed {
    /// Its hash, 0x-hex.
    pub hash: String,
    /// Its bytes, 0x-hex.
    pub bytes: String,
    /// The nonce in it.
    pub nonce: u64,
    /// The last block it is valid in.
    pub valid_until_block: u64,
}

/// The next version of a command.
fn touched(command: &ChainCommand, now: Timestamp) -> ChainCommand {
    ChainCommand { updated_at: now, version: command.version.saturating_add(1), ..command.clone() }
}
