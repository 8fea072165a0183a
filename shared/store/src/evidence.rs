//! `evidence`: what the sides of a dispute show. Appended while the dispute takes it, and never changed.

use descrow_domain::{
    EvidenceId, OrderId, Timestamp,
    evidence::Evidence,
    notification::Notification,
    order::{Order, OrderStatus},
};

use crate::{
    IdempotencyRecord, Page, Store, StoreError, Table,
    error::Refused,
    expression::{expr, number, string},
    item::{Item, Row, created_key, id_key},
    list::Listing,
    transaction::{Met, Write},
};

impl Row for Evidence {
    const TABLE: Table = Table::Evidence;

    fn index(&self, item: &mut Item) {
        item.insert("created_key".into(), string(created_key(self.created_at, self.id.as_uuid())));
    }
}

/// What became of a piece of evidence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EvidenceAdded {
    /// It is there.
    Done,
    /// The order takes none (any more): as it is now.
    Closed(Option<Box<Order>>),
    /// The same request was answered before.
    Replay(Box<IdempotencyRecord>),
}

/// Access to `evidence`.
#[derive(Clone, Copy, Debug)]
pub struct EvidenceRows<'a>(pub(crate) &'a Store);

impl EvidenceRows<'_> {
    /// The piece of evidence.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn get(self, id: EvidenceId) -> Result<Option<Evidence>, StoreError> {
        self.0.get(id_key(id)).await
    }

    /// Adds evidence, if its order is disputed and takes evidence at `now`: [`Order::takes_evidence`], in the same
    /// transaction. So is `notice`, which tells the other party.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn add(
        self,
        evidence: &Evidence,
        notice: Option<&Notification>,
        idempotency: Option<&IdempotencyRecord>,
        now: Timestamp,
    ) -> Result<EvidenceAdded, StoreError> {
        let open = expr(
            "#status = :disputed AND attribute_not_exists(#dispute.#evidence_closed_at) \
             AND (attribute_not_exists(#deadlines.#evidence) OR #deadlines.#evidence > :now)",
        )
        .with(":disputed", string(OrderStatus::Disputed.as_str()))
        .with(":now", number(now.0));
        // The order counts its evidence, so that a list of disputes need not.
        let change = expr(
            "SET #dispute.#evidence_count = if_not_exists(#dispute.#evidence_count, :none) + :one, \
             #version = #version + :one, #updated_at = :now",
        )
        .with(":none", number(0))
        .with(":one", number(1));
        let key = id_key(evidence.order_id);
        let order = Write::Update { table: Table::Orders, key, change, condition: open };
        let mut writes = vec![order, Write::create(evidence, "id")?];
        if let Some(notice) = notice {
            writes.push(Write::create(notice, "id")?);
        }
        let place = writes.len();
        if let Some(record) = idempotency {
            writes.push(record.write(now)?);
        }
        let mut cancelled = match self.0.transact(&writes).await {
            Ok(()) => return Ok(EvidenceAdded::Done),
            Err(Refused::Store(error)) => return Err(error),
            Err(Refused::Condition(cancelled)) => cancelled,
        };
        if let Some(record) = cancelled.at(place) {
            let record = record.row()?;
            return record.map(|r| EvidenceAdded::Replay(Box::new(r))).ok_or(StoreError::Contention(Table::Limits));
        }
        match cancelled.at(0).map(Met::row).transpose()? {
            Some(order) => Ok(EvidenceAdded::Closed(order.map(Box::new))),
            None => match cancelled.at(1).map(Met::row::<Evidence>).transpose()?.flatten() {
                Some(known) if known == *evidence => Ok(EvidenceAdded::Done),
                _ => Err(StoreError::Contention(Table::Evidence)),
            },
        }
    }

    /// A page of an order's evidence, oldest first.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn of_order(
        self,
        order: OrderId,
        position: Option<&str>,
        limit: usize,
    ) -> Result<Page<Evidence>, StoreError> {
        let listing = Listing {
            index: Some("by_order"),
            partition: "order_id",
            values: vec![string(order)],
            sort: "created_key",
            descending: false,
            position,
            filter: None,
            limit,
        };
        self.0.list(listing).await
    }
}
