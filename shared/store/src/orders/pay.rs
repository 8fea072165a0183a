//! The beginning of a payment: at most one push is open for an order.

use descrow_domain::{
    PaymentId, Timestamp,
    order::{Order, OrderStatus},
    payment::{COOLDOWN_SECONDS, Payment, PaymentStatus},
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

/// What became of the beginning of a payment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Begun {
    /// The payment is committed: the push may be sent.
    Done,
    /// The order changed meanwhile: as it is now.
    Stale(Option<Box<Order>>),
    /// The payment before it does not allow a new push (yet): [`Payment::new_push_allowed_at`] tells from when.
    Previous(Box<Payment>),
    /// The same request was answered before.
    Replay(Box<IdempotencyRecord>),
}

impl Orders<'_> {
    /// Commits `payment` before its push is sent. `next` is the order with `payment_id` set to it, its version one more than
    /// that of the order it is based on; `previous` is the payment that that order named, if it did.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn begin_payment(
        self,
        next: &Order,
        payment: &Payment,
        previous: Option<PaymentId>,
        idempotency: Option<&IdempotencyRecord>,
        now: Timestamp,
    ) -> Result<Begun, StoreError> {
        let payable = based_on(next.version.saturating_sub(1)).and(
            expr("#status = :created AND attribute_not_exists(#pending)")
                .with(":created", string(OrderStatus::Created.as_str())),
        );
        let mut writes = vec![
            Write::Put { table: Table::Orders, item: encode(next)?, condition: payable },
            Write::create(payment, "id")?,
        ];
        if let Some(previous) = previous {
            writes.push(over(previous, now));
        }
        let at_record = writes.len();
        if let Some(record) = idempotency {
            writes.push(record.write(now)?);
        }
        let mut cancelled = match self.0.transact(&writes).await {
            Ok(()) => return Ok(Begun::Done),
            Err(Refused::Store(error)) => return Err(error),
            Err(Refused::Condition(cancelled)) => cancelled,
        };
        if let Some(record) = idempotency.and_then(|_| cancelled.at(at_record)) {
            let record = record.row()?;
            return record.map(|r| Begun::Replay(Box::new(r))).ok_or(StoreError::Contention(Table::Limits));
        }
        if let Some(order) = cancelled.at(0) {
            return Ok(Begun::Stale(order.row()?.map(Box::new)));
        }
        match previous.and_then(|_| cancelled.at(2)).map(Met::row).transpose()?.flatten() {
            Some(payment) => Ok(Begun::Previous(Box::new(payment))),
            None => Err(StoreError::Contention(Table::MpesaTransactions)),
        }
    }
}

/// The payment before is over, without money of the buyer, for long enough: [`Payment::new_push_allowed_at`] as a condition.
fn over(previous: PaymentId, now: Timestamp) -> Write {
    let condition = expr(
        "#created_at <= :before AND (#status = :failed OR (#status = :review AND #reason IN (:no_answer, :unresolved)))",
    )
    .with(":before", number(now.plus_seconds(-COOLDOWN_SECONDS).0))
    .with(":failed", string(PaymentStatus::Failed.as_str()))
    .with(":review", string(PaymentStatus::Review.as_str()))
    .with(":no_answer", string("no_answer"))
    .with(":unresolved", string("unresolved"));
    Write::Check { table: Table::MpesaTransactions, key: id_key(previous), condition }
}
