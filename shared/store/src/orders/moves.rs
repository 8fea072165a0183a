//! Moves of an order: asked for, and carried out by a finalised event.

use aws_sdk_dynamodb::types::AttributeValue;
use descrow_domain::{
    Timestamp,
    audit::AuditEntry,
    command::{ChainCommand, CommandStatus},
    dispute::Dispute,
    evidence::Evidence,
    ledger::{LedgerEntry, Transaction},
    order::Order,
    payment::Payment,
    product::Product,
};

use super::Orders;
use crate::{
    IdempotencyRecord, Replaced, StoreError, Table,
    access::based_on,
    error::Refused,
    expression::{expr, number, string},
    item::{Row, encode, id_key},
    transaction::{Cancelled, Met, Write},
};

/// A change of an order that somebody asks for, with all that must come about with it.
#[derive(Clone, Copy, Debug)]
pub struct OrderChange<'a> {
    /// The order after it; its version is one more than that of the order it is based on, on which nothing was pending.
    pub order: &'a Order,
    /// The command that carries out the move that is pending on `order`. One of the same id that failed before is armed
    /// again.
    pub command: Option<&'a ChainCommand>,
    /// The payout that is taken back ([`Payment::withdrawn`]), since a delivered order is disputed.
    pub withdraw: Option<&'a Payment>,
    /// The first evidence of a dispute.
    pub evidence: Option<&'a Evidence>,
    /// What the audit log says of it.
    pub audit: Option<&'a AuditEntry>,
    /// The answer to the request.
    pub idempotency: Option<&'a IdempotencyRecord>,
}

impl<'a> OrderChange<'a> {
    /// A change of the order alone.
    pub fn of(order: &'a Order) -> Self {
        Self { order, command: None, withdraw: None, evidence: None, audit: None, idempotency: None }
    }
}

/// What became of a request to change an order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Requested {
    /// It is written; a move is pending.
    Done,
    /// The order changed meanwhile: as it is now.
    Stale(Option<Box<Order>>),
    /// The payout that was to be taken back may have left: as it is now.
    PayoutSent(Option<Box<Payment>>),
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
    /// The payout and the refund that follow.
    pub payments: &'a [Payment],
    /// The payout that is taken back ([`Payment::withdrawn`]), since the order is disputed.
    pub withdraw: Option<&'a Payment>,
    /// The product with the pieces that a cancelled order gives back; its version is one more than that of the product it is
    /// based on.
    pub stock: Option<&'a Product>,
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
    /// The product or the payout changed meanwhile.
    Elsewhere,
}

impl Orders<'_> {
    /// Makes a move pending: [`Self::change`] with nothing but its command and the answer to the request.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn request_move(
        self,
        next: &Order,
        command: &ChainCommand,
        idempotency: Option<&IdempotencyRecord>,
    ) -> Result<Requested, StoreError> {
        self.change(&OrderChange { command: Some(command), idempotency, ..OrderChange::of(next) }).await
    }

    /// Changes an order as somebody asked, with all that must come about with it, in one transaction.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn change(self, change: &OrderChange<'_>) -> Result<Requested, StoreError> {
        let next = change.order;
        let mut arm = change.command.map(|command| Write::create(command, "id")).transpose()?;
        loop {
            let idle = based_on(next.version.saturating_sub(1)).and(expr("attribute_not_exists(#pending)"));
            let mut writes = vec![Write::Put { table: Table::Orders, item: encode(next)?, condition: idle }];
            let mut place = |write: Option<Write>| {
                write.map(|write| {
                    writes.push(write);
                    writes.len().saturating_sub(1)
                })
            };
            let at_command = place(arm.take());
            let at_payout = place(change.withdraw.map(withdrawal).transpose()?);
            place(change.evidence.map(|evidence| Write::create(evidence, "id")).transpose()?);
            place(change.audit.map(crate::audit::write).transpose()?);
            let at_record = place(change.idempotency.map(|record| record.write(next.updated_at)).transpose()?);
            let mut cancelled = match self.0.transact(&writes).await {
                Ok(()) => return Ok(Requested::Done),
                Err(Refused::Store(error)) => return Err(error),
                Err(Refused::Condition(cancelled)) => cancelled,
            };
            if let Some(record) = at_record.and_then(|n| cancelled.at(n)) {
                let record = record.row()?;
                return record.map(|r| Requested::Replay(Box::new(r))).ok_or(StoreError::Contention(Table::Limits));
            }
            if let Some(order) = cancelled.at(0) {
                return Ok(Requested::Stale(order.row()?.map(Box::new)));
            }
            if let Some(payout) = at_payout.and_then(|n| cancelled.at(n)) {
                return Ok(Requested::PayoutSent(payout.row()?.map(Box::new)));
            }
            let failed = at_command.and_then(|n| cancelled.at(n)).map(Met::row).transpose()?.flatten();
            arm = change.command.map(|command| rearm(command, failed)).transpose()?;
            if arm.is_none() {
                return Err(StoreError::Contention(Table::Orders));
            }
        }
    }

    /// Notes that the evidence window of `order`, as it was read, has ended: no evidence is taken any more, and admins decide
    /// on what is there. The order leaves the index of those that are due.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn close_evidence(self, order: &Order, now: Timestamp) -> Result<Replaced<Order>, StoreError> {
        let mut next = order.clone().touched(now);
        let raised = || Dispute::raised(None, None, String::new(), now);
        next.dispute.get_or_insert_with(raised).evidence_closed_at = Some(now);
        self.0.replace(&next, order.version).await
    }

    /// Makes a finalised event true: order, command, payments, stock and books together. A payment or an entry of the books
    /// that is there already, and says the same, is known: its key says that it is the same money.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn apply_chain_event(self, change: &ChainChange<'_>, now: Timestamp) -> Result<Applied, StoreError> {
        let mut command = change.command;
        let mut new_payments: Vec<&Payment> = change.payments.iter().collect();
        let mut new_entries: Vec<&LedgerEntry> = change.ledger.into_iter().flatten().collect();
        loop {
            let mut writes = vec![Write::replace(change.order, change.order.version.saturating_sub(1))?];
            if let Some(command) = command {
                writes.push(finalise(command, now));
            }
            let elsewhere = writes.len();
            if let Some(product) = change.stock {
                writes.push(Write::replace(product, product.version.saturating_sub(1))?);
            }
            if let Some(payout) = change.withdraw {
                writes.push(withdrawal(payout)?);
            }
            let elsewhere = elsewhere..writes.len();
            let at_payments = writes.len();
            for payment in &new_payments {
                writes.push(Write::create(*payment, "id")?);
            }
            let at_entries = writes.len();
            for entry in &new_entries {
                writes.push(Write::create(*entry, "entry_id")?);
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
                None if elsewhere.into_iter().any(|n| cancelled.at(n).is_some()) => return Ok(Applied::Elsewhere),
                // The event was caused by somebody else's transaction: there is no command of ours.
                None if command.is_some() && cancelled.at(1).is_some() => command = None,
                None => {
                    let before = new_payments.len().saturating_add(new_entries.len());
                    new_payments = unknown(new_payments, at_payments, &mut cancelled, is_same_money)?;
                    new_entries = unknown(new_entries, at_entries, &mut cancelled, is_same_entry)?;
                    if new_payments.len().saturating_add(new_entries.len()) == before {
                        return Err(StoreError::Contention(Table::Orders));
                    }
                }
            }
        }
    }
}

/// Those of `rows`, written from `first` on, that met nothing: what met the `same` is there already.
fn unknown<'a, R: Row>(
    rows: Vec<&'a R>,
    first: usize,
    cancelled: &mut Cancelled,
    same: impl Fn(&R, &R) -> bool,
) -> Result<Vec<&'a R>, StoreError> {
    let mut left = Vec::with_capacity(rows.len());
    for (n, row) in rows.into_iter().enumerate() {
        match cancelled.at(first.saturating_add(n)).map(Met::row::<R>).transpose()?.flatten() {
            Some(there) if same(&there, row) => {}
            Some(_) => return Err(StoreError::Contention(R::TABLE)),
            None => left.push(row),
        }
    }
    Ok(left)
}

/// Whatever became of it since.
fn is_same_money(there: &Payment, new: &Payment) -> bool {
    let what = |payment: &Payment| (payment.kind, payment.order_id, payment.refund_of, payment.amount_kes);
    what(there) == what(new)
}

/// Whenever it was entered.
fn is_same_entry(there: &LedgerEntry, new: &LedgerEntry) -> bool {
    LedgerEntry { at: new.at, ..there.clone() } == *new
}

/// Takes back a payout that nobody sent: only the row that it was read as.
fn withdrawal(payout: &Payment) -> Result<Write, StoreError> {
    Write::replace(payout, payout.version.saturating_sub(1))
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
