//! Events of the contract that wait until what stands against them is mended, in one row for each order that has any.
//!
//! An event of one order must not stop the events of all others; and one that waits must not be overtaken by the next one of
//! its own order. So the row is what both are decided by: it holds where the waiting events stand on the chain, first to last,
//! and nothing else of them. Who tries them again reads them there.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use descrow_domain::{OrderId, Timestamp};
use serde::{Deserialize, Serialize};

use super::{ChainState, OrderReference, reference_id};
use crate::{
    Replaced, StoreError, Table,
    access::based_on,
    error::Refused,
    expression::{Bindings, expr, number, string},
    item::{Row, decode, id_key},
    together::Batch,
};

/// Where an event stands on the chain. Orders as the chain does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct EventPosition {
    /// Number of the finalised block.
    pub block: u64,
    /// The event's index among all events of the block.
    pub index: u32,
}

impl EventPosition {
    /// Text that sorts as positions do.
    fn sortable(self) -> String {
        format!("{:020}#{:010}", self.block, self.index)
    }

    fn attribute(self) -> AttributeValue {
        let fields = [("block", number(self.block)), ("index", number(self.index))];
        AttributeValue::M(HashMap::from(fields.map(|(name, value)| (name.to_owned(), value))))
    }
}

/// The events of one order that wait.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Parked {
    /// The key, `parked#<contract>#<reference>`.
    id: String,
    /// The contract that says them.
    pub contract: String,
    /// The reference under which the contract knows the order, 0x-hex.
    pub reference: String,
    /// Where they stand, first to last. The first is what stands against the others.
    pub events: Vec<EventPosition>,
    /// The position of the last one, sortable.
    last: String,
    /// Why the first one waits.
    pub reason: String,
    /// Since when.
    pub since: Timestamp,
    /// When the first one was last tried.
    pub tried_at: Timestamp,
    /// How often it was tried again.
    pub attempts: u32,
    /// Rises with each change.
    pub version: u64,
}

impl Row for Parked {
    const TABLE: Table = Table::ChainState;
}

/// What is known of a reference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Referred {
    /// The order that it means; `None` for one that is not ours.
    pub order: Result<Option<OrderId>, StoreError>,
    /// Whether events of it wait.
    pub waits: bool,
}

fn parked_id(contract: &str, reference: [u8; 32]) -> String {
    format!("parked#{contract}#0x{}", hex::encode(reference))
}

impl ChainState<'_> {
    /// The order that `contract` knows by `reference`, and whether events of it wait, in one round trip.
    ///
    /// # Errors
    /// [`StoreError`] when the database does not answer; an unreadable reference is in its place.
    pub async fn referred(self, contract: &str, reference: [u8; 32]) -> Result<Referred, StoreError> {
        let (order, parked) = (id_key(reference_id(reference)), id_key(parked_id(contract, reference)));
        let mut batch = Batch::default();
        batch.want(Table::ChainState, Some(order.clone()));
        batch.want(Table::ChainState, Some(parked.clone()));
        self.0.fill(&mut batch).await?;
        let order = batch.row::<OrderReference>(Some(order)).map(|row| row.map(|row| row.order_id));
        // One that cannot be read waits as well.
        let waits = !matches!(batch.row::<Parked>(Some(parked)), Ok(None));
        Ok(Referred { order, waits })
    }

    /// Lets the event of `contract` at `position` wait, behind those of its order that wait already. One that was read before
    /// is known: the row stays as it is. `reason` is kept where nothing waited yet.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn park(
        self,
        contract: &str,
        reference: [u8; 32],
        position: EventPosition,
        reason: &str,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let change = expr(
            "SET #events = list_append(if_not_exists(#events, :none), :event), #last = :last, #contract = :contract, \
             #reference = :reference, #reason = if_not_exists(#reason, :reason), #since = if_not_exists(#since, :now), \
             #tried_at = if_not_exists(#tried_at, :now), #attempts = if_not_exists(#attempts, :zero), \
             #version = if_not_exists(#version, :zero) + :one",
        )
        .with(":none", AttributeValue::L(Vec::new()))
        .with(":event", AttributeValue::L(vec![position.attribute()]))
        .with(":contract", string(contract))
        .with(":reference", string(format!("0x{}", hex::encode(reference))))
        .with(":reason", string(reason))
        .with(":now", number(now.0))
        .with(":zero", number(0))
        .with(":one", number(1))
        .with(":last", string(position.sortable()));
        let new = expr("attribute_not_exists(#last) OR #last < :last");
        let key = id_key(parked_id(contract, reference));
        match self.0.update(Table::ChainState, key, &change, Some(&new)).await {
            Ok(_) | Err(Refused::Condition(_)) => Ok(()),
            Err(Refused::Store(error)) => Err(error),
        }
    }

    /// At most `limit` orders of `contract` with events that wait and that were not tried since `before`, the longest untried
    /// first. A row that cannot be read is an error in its place.
    ///
    /// # Errors
    /// [`StoreError`] when the index cannot be read.
    pub async fn parked(
        self,
        contract: &str,
        before: Timestamp,
        limit: i32,
    ) -> Result<Vec<Result<Parked, StoreError>>, StoreError> {
        let condition = expr("#contract = :contract AND #tried_at <= :before")
            .with(":contract", string(contract))
            .with(":before", number(before.0));
        let bindings = Bindings::of([&condition]);
        let output = self
            .0
            .client()
            .query()
            .table_name(self.0.tables().name(Table::ChainState)?)
            .index_name("by_parked")
            .key_condition_expression(condition.text())
            .set_expression_attribute_names(bindings.names)
            .set_expression_attribute_values(bindings.values)
            .limit(limit)
            .send()
            .await
            .map_err(|error| StoreError::failed("Query", Table::ChainState, &error))?;
        Ok(output.items.unwrap_or_default().into_iter().map(decode).collect())
    }

    /// Notes that the first event of `parked` was tried in vain, for `reason`; `None` when the row changed meanwhile.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn still_parked(self, parked: &Parked, reason: &str, now: Timestamp) -> Result<bool, StoreError> {
        let next = Parked {
            reason: reason.to_owned(),
            tried_at: now,
            attempts: parked.attempts.saturating_add(1),
            version: parked.version.saturating_add(1),
            ..parked.clone()
        };
        Ok(self.0.replace(&next, parked.version).await? == Replaced::Done)
    }

    /// Notes that the first event of `parked` is stored, and gives what waits behind it; the row goes with the last one. An
    /// error of contention when the row changed meanwhile.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn unpark(self, parked: &Parked) -> Result<Option<Parked>, StoreError> {
        let left = parked.events.get(1..).unwrap_or_default().to_vec();
        if left.is_empty() {
            let gone = self.0.take(Table::ChainState, id_key(&parked.id), Some(&based_on(parked.version))).await?;
            return gone.map(|_| None).ok_or(StoreError::Contention(Table::ChainState));
        }
        let next = Parked { events: left, version: parked.version.saturating_add(1), ..parked.clone() };
        match self.0.replace(&next, parked.version).await? {
            Replaced::Done => Ok(Some(next)),
            Replaced::Stale(_) => Err(StoreError::Contention(Table::ChainState)),
        }
    }
}
