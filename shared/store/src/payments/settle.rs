//! Settling: the writes after which money counts as moved.
//!
//! Crash points of a collection; each step is repeated until it is done:
//!
//! | a crash after | leaves | and is healed by |
//! |---|---|---|
//! | the callback is on the queue | a pending payment | SQS delivers again; else the status query on its schedule |
//! | the status query said paid | a pending payment | the same: the query says it again |
//! | the transaction | payment, books, pending order and command, all of them | the command's stream record wakes the oracle |
//! | its reply was lost | the same | the repetition finds the payment succeeded and does nothing |

use std::ops::Range;

use aws_sdk_dynamodb::types::AttributeValue;
use descrow_domain::{
    audit::AuditEntry,
    command::{ChainCommand, Command},
    ledger,
    order::{Order, OrderMove, OrderStatus, PendingAction, Transition, payment_hash},
    payment::{Ended, Payment, PaymentKind, PaymentStatus},
};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::Payments;
use crate::{
    StoreError, Table,
    error::Refused,
    expression::{Expression, expr, number, string},
    item::{Row, attribute, id_key, shard},
    orders::{status_key, status_shard},
    transaction::{Met, Write},
};

/// What became of a settlement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Settled {
    /// Payment, books and order agree.
    Done,
    /// The payment is settled and booked; the order was no longer waiting for it and stays as it is.
    WithoutOrder(Box<Order>),
    /// Nothing was written: the payment changed meanwhile.
    Stale(Option<Box<Payment>>),
    /// Nothing was written: the order cannot take the payment.
    OrderRefuses(Option<Box<Order>>),
    /// Nothing was written: another payment has the same receipt, or was settled by the same prompt.
    ReceiptReused,
    /// Nothing was written: the admin is a party to the order.
    OwnOrder,
}

/// Says which payment one of M-Pesa's own names belongs to, so that the same money never counts twice.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Marker {
    id: String,
    payment: String,
}

impl Row for Marker {
    const TABLE: Table = Table::MpesaTransactions;
}

impl Marker {
    /// Of the receipt and of the prompt, as far as they are known. The names are personal data or worth something, so
    /// their hashes stand for them.
    fn of(payment: &Payment) -> impl Iterator<Item = Self> {
        let names = [("receipt", payment.receipt.as_deref()), ("checkout", payment.checkout_request_id.as_deref())];
        let payment = payment.id.to_string();
        names.into_iter().filter_map(move |(kind, name)| {
            let id = format!("{kind}#{}", hex::encode(Sha256::digest(name?.as_bytes())));
            Some(Self { id, payment: payment.clone() })
        })
    }

    /// The marker is new, or is this payment's own.
    fn write(&self) -> Result<Write, StoreError> {
        let condition =
            expr("attribute_not_exists(#id) OR #payment = :payment").with(":payment", string(&self.payment));
        Ok(Write::Put { table: Table::MpesaTransactions, item: crate::item::encode(self)?, condition })
    }
}

impl Payments<'_> {
    /// Makes a collection count: `next` is the payment in status succeeded, its version one more than that of the row it is
    /// based on. In one transaction with it the order gets this payment and the pending move `fund`, the command that records
    /// it on the contract is committed, the books get their entries, and the receipt is taken.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn settle_collection(self, next: &Payment) -> Result<Settled, StoreError> {
        self.collected(next, None).await
    }

    /// Ends a payment as an admin stated ([`Payment::stated`]), with the entry that tells of it in the same transaction. Whoever is
    /// a party to the order states nothing.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn settle_as_stated(self, ended: &Ended, entry: &AuditEntry) -> Result<Settled, StoreError> {
        let (next, by) = (&ended.payment, Some(entry));
        match (&ended.refund, next.status, next.kind) {
            (Some(refund), ..) => self.returned(next, refund, by).await,
            (None, PaymentStatus::Succeeded, PaymentKind::Collection) => self.collected(next, by).await,
            (None, PaymentStatus::Succeeded, PaymentKind::Payout) => self.paid_out(next, by).await,
            (None, PaymentStatus::Succeeded, PaymentKind::Refund) => self.refunded(next, by).await,
            // What was claimed of a payment that did not come about takes no receipt.
            (None, ..) => {
                self.settle_alone(next, vec![Write::replace(next, next.version.saturating_sub(1))?], 0..0, by).await
            }
        }
    }

    async fn collected(self, next: &Payment, by: Option<&AuditEntry>) -> Result<Settled, StoreError> {
        let command = record_command(next);
        let mut arm = Write::create(&command, "id")?;
        loop {
            let fund = fund(next, &command.id)?.and_only(apart(by)?);
            let mut writes = vec![Write::replace(next, next.version.saturating_sub(1))?, fund, arm];
            for entry in ledger::collection_received(next.order_id, next.id, next.amount_kes, next.updated_at) {
                writes.push(Write::create(&entry, "entry_id")?);
            }
            let markers = add_markers(&mut writes, next)?;
            writes.extend(by.map(crate::audit::write).transpose()?);
            let mut cancelled = match self.0.transact(&writes).await {
                Ok(()) => return Ok(Settled::Done),
                Err(Refused::Store(error)) => return Err(error),
                Err(Refused::Condition(cancelled)) => cancelled,
            };
            if let Some(found) = cancelled.at(0) {
                return Ok(stale(next, found.row()?));
            }
            if markers.into_iter().any(|n| cancelled.at(n).is_some()) {
                return Ok(Settled::ReceiptReused);
            }
            if let Some(order) = cancelled.at(1) {
                let order = order.row::<Order>()?.map(Box::new);
                return Ok(if is_own(order.as_deref(), by) { Settled::OwnOrder } else { Settled::OrderRefuses(order) });
            }
            arm = crate::orders::rearm(&command, cancelled.at(2).map(Met::row).transpose()?.flatten())?;
        }
    }

    /// Makes a payout count: `next` is the payment in status succeeded, its version one more than that of the row it is based
    /// on. In one transaction with it the delivered order becomes completed and the books get their entries. An order that
    /// is no longer delivered (disputed meanwhile) stays as it is: the money has left all the same.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn settle_payout(self, next: &Payment) -> Result<Settled, StoreError> {
        self.paid_out(next, None).await
    }

    async fn paid_out(self, next: &Payment, by: Option<&AuditEntry>) -> Result<Settled, StoreError> {
        let mut without_order = None;
        loop {
            let mut writes = vec![Write::replace(next, next.version.saturating_sub(1))?];
            for entry in ledger::payout_sent(next.order_id, next.id, next.amount_kes, next.updated_at) {
                writes.push(Write::create(&entry, "entry_id")?);
            }
            let at_order = writes.len();
            if without_order.is_none() {
                writes.push(complete(next)?.and_only(apart(by)?));
            }
            let markers = add_markers(&mut writes, next)?;
            writes.extend(by.map(crate::audit::write).transpose()?);
            let mut cancelled = match self.0.transact(&writes).await {
                Ok(()) => return Ok(without_order.map_or(Settled::Done, Settled::WithoutOrder)),
                Err(Refused::Store(error)) => return Err(error),
                Err(Refused::Condition(cancelled)) => cancelled,
            };
            if let Some(found) = cancelled.at(0) {
                return Ok(stale(next, found.row()?));
            }
            if markers.into_iter().any(|n| cancelled.at(n).is_some()) {
                return Ok(Settled::ReceiptReused);
            }
            match (without_order.is_none(), cancelled.at(at_order).map(Met::row::<Order>).transpose()?) {
                (true, Some(Some(order))) if is_own(Some(&order), by) => return Ok(Settled::OwnOrder),
                (true, Some(Some(order))) => without_order = Some(Box::new(order)),
                (true, Some(None)) => return Ok(Settled::OrderRefuses(None)),
                _ => return Err(StoreError::Contention(Table::Ledger)),
            }
        }
    }

    /// Makes a refund count: `next` is the refund in status succeeded, its version one more than that of the row it is based
    /// on. In one transaction with it the books get their entries. The order went its way before the refund was owed.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn settle_refund(self, next: &Payment) -> Result<Settled, StoreError> {
        self.refunded(next, None).await
    }

    async fn refunded(self, next: &Payment, by: Option<&AuditEntry>) -> Result<Settled, StoreError> {
        let mut writes = vec![Write::replace(next, next.version.saturating_sub(1))?];
        for entry in ledger::refund_sent(next.order_id, next.id, next.amount_kes, next.updated_at) {
            writes.push(Write::create(&entry, "entry_id")?);
        }
        let markers = add_markers(&mut writes, next)?;
        self.settle_alone(next, writes, markers, by).await
    }

    /// Gives back money that came and that no order can take: `next` is the collection that
    /// [goes back](Payment::goes_back), its version one more than that of the row it is based on, and `refund` what goes back. In
    /// one transaction the money is in the books, its receipt is taken, and the refund is owed.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn give_back(self, next: &Payment, refund: &Payment) -> Result<Settled, StoreError> {
        self.returned(next, refund, None).await
    }

    async fn returned(self, next: &Payment, refund: &Payment, by: Option<&AuditEntry>) -> Result<Settled, StoreError> {
        let mut writes = vec![Write::replace(next, next.version.saturating_sub(1))?, Write::create(refund, "id")?];
        for entry in ledger::collection_received(next.order_id, next.id, next.came(), next.updated_at) {
            writes.push(Write::create(&entry, "entry_id")?);
        }
        let markers = add_markers(&mut writes, next)?;
        self.settle_alone(next, writes, markers, by).await
    }

    /// A settlement that no order stands against, but where an admin states it the order must not be its own.
    async fn settle_alone(
        self,
        next: &Payment,
        mut writes: Vec<Write>,
        mut markers: Range<usize>,
        by: Option<&AuditEntry>,
    ) -> Result<Settled, StoreError> {
        let at_order = writes.len();
        if let (Some(condition), Some(entry)) = (apart(by)?, by) {
            writes.push(Write::Check { table: Table::Orders, key: id_key(next.order_id), condition });
            writes.push(crate::audit::write(entry)?);
        }
        match self.0.transact(&writes).await {
            Ok(()) => Ok(Settled::Done),
            Err(Refused::Store(error)) => Err(error),
            Err(Refused::Condition(mut cancelled)) => match cancelled.at(0) {
                Some(found) => Ok(stale(next, found.row()?)),
                None if markers.any(|n| cancelled.at(n).is_some()) => Ok(Settled::ReceiptReused),
                None if by.is_some() && cancelled.at(at_order).is_some() => Ok(Settled::OwnOrder),
                None => Err(StoreError::Contention(Table::Ledger)),
            },
        }
    }

    /// Adds the receipt that became known after the settlement: `next` is the succeeded payment with it, its version one more
    /// than that of the row it is based on.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn attach_receipt(self, next: &Payment) -> Result<Settled, StoreError> {
        let mut writes = vec![Write::replace(next, next.version.saturating_sub(1))?];
        add_markers(&mut writes, next)?;
        match self.0.transact(&writes).await {
            Ok(()) => Ok(Settled::Done),
            Err(Refused::Store(error)) => Err(error),
            Err(Refused::Condition(mut cancelled)) => match cancelled.at(0) {
                Some(found) => Ok(stale(next, found.row()?)),
                None => Ok(Settled::ReceiptReused),
            },
        }
    }
}

/// The admin is no party to the order.
fn apart(by: Option<&AuditEntry>) -> Result<Option<Expression>, StoreError> {
    let Some(entry) = by else { return Ok(None) };
    let admin = attribute(Table::Orders, &entry.admin)?;
    Ok(Some(expr("#buyer_id <> :admin AND #seller_id <> :admin").with(":admin", admin)))
}

fn is_own(order: Option<&Order>, by: Option<&AuditEntry>) -> bool {
    by.zip(order).is_some_and(|(entry, order)| order.party(&entry.admin).is_some())
}

/// Adds what keeps another payment from counting the same money, and tells where in the transaction it stands.
fn add_markers(writes: &mut Vec<Write>, payment: &Payment) -> Result<Range<usize>, StoreError> {
    let first = writes.len();
    for marker in Marker::of(payment) {
        writes.push(marker.write()?);
    }
    Ok(first..writes.len())
}

/// A refused replacement: done, if what is there is what was to be written.
fn stale(next: &Payment, found: Option<Payment>) -> Settled {
    match found {
        Some(found) if found == *next => Settled::Done,
        found => Settled::Stale(found.map(Box::new)),
    }
}

/// The command that records a collection on the contract.
fn record_command(payment: &Payment) -> ChainCommand {
    let hash = payment_hash(payment.id, payment.receipt.as_deref());
    let command = Command::RecordPayment { payment_id: payment.id, tx_hash: format!("0x{}", hex::encode(hash)) };
    ChainCommand::new(payment.order_id, command, payment.updated_at)
}

/// The order waits for the contract to record the payment. Only an order that can be paid takes it, whichever payment it
/// named before: a late success of an earlier push is as good.
fn fund(payment: &Payment, command_id: &str) -> Result<Write, StoreError> {
    let by = Some(payment.user_id);
    let pending =
        PendingAction { action: OrderMove::Fund, command_id: command_id.to_owned(), by, at: payment.updated_at };
    let change =
        expr("SET #pending = :pending, #payment_id = :payment, #updated_at = :now, #version = #version + :one")
            .with(":pending", attribute(Table::Orders, &pending)?)
            .with(":payment", string(payment.id))
            .with(":now", number(payment.updated_at.0))
            .with(":one", number(1));
    let condition = expr("#status = :created AND attribute_not_exists(#pending)")
        .with(":created", string(OrderStatus::Created.as_str()));
    Ok(Write::Update { table: Table::Orders, key: id_key(payment.order_id), change, condition })
}

/// The seller was paid: the delivered order is completed.
fn complete(payout: &Payment) -> Result<Write, StoreError> {
    let line =
        Transition { status: OrderStatus::Completed, at: payout.updated_at, by: None, extrinsic: None, block: None };
    let shard = status_shard(OrderStatus::Completed, shard(payout.order_id.as_uuid()));
    let change = expr(
        "SET #status = :completed, #status_shard = :shard, #status_key = :key, #payout_id = :payout, #updated_at = :now, \
         #version = #version + :one, #history = list_append(#history, :line) REMOVE #due_shard, #due_at",
    )
    .with(":completed", string(OrderStatus::Completed.as_str()))
    .with(":shard", AttributeValue::S(shard))
    .with(":key", string(status_key(OrderStatus::Completed, payout.order_id)))
    .with(":payout", string(payout.id))
    .with(":now", number(payout.updated_at.0))
    .with(":one", number(1))
    .with(":line", AttributeValue::L(vec![attribute(Table::Orders, &line)?]));
    let condition = expr("#status = :delivered").with(":delivered", string(OrderStatus::Delivered.as_str()));
    Ok(Write::Update { table: Table::Orders, key: id_key(payout.order_id), change, condition })
}
