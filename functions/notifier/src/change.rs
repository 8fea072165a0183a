//! From a stream record to the change of a row that somebody may want to know of.

use aws_lambda_events::event::dynamodb::EventRecord;
use descrow_domain::{order::Order, payment::Payment};
use serde::de::DeserializeOwned;
use serde_dynamo::Item;

/// A row before and after.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// A row of `orders`.
    Order {
        /// Before; `None` for a new row.
        before: Option<Box<Order>>,
        /// After.
        after: Box<Order>,
    },
    /// A row of `mpesa_transactions`.
    Payment {
        /// Before; `None` for a new row.
        before: Option<Box<Payment>>,
        /// After.
        after: Box<Payment>,
    },
}

/// The record cannot be read, now or ever.
#[derive(Debug, thiserror::Error)]
pub enum Unreadable {
    /// The row does not have the form of its table.
    #[error("row of {table} is malformed: {source}")]
    Row {
        /// The table.
        table: &'static str,
        /// What is wrong. Names fields, not values.
        source: serde_dynamo::Error,
    },
    /// Not a stream record at all.
    #[error("not a stream record")]
    Record,
}

impl Change {
    /// The change that `record` tells of; `None` where it is nobody's business: a deletion, or a row of the same table
    /// that is no order and no payment.
    ///
    /// # Errors
    /// [`Unreadable`] when the row does not have the form of its table: the record is poison.
    pub fn of(record: EventRecord) -> Result<Option<Self>, Unreadable> {
        if record.event_name == "REMOVE" {
            return Ok(None);
        }
        let (old, new) = (record.change.old_image, record.change.new_image);
        let has = |name: &str| new.get(name).is_some();
        if has("buyer_id") && has("seller_id") {
            let (before, after) = images(old, new, "orders")?;
            Ok(Some(Self::Order { before, after }))
        } else if has("amount_kes") && has("kind") {
            let (before, after) = images(old, new, "mpesa_transactions")?;
            Ok(Some(Self::Payment { before, after }))
        } else {
            Ok(None)
        }
    }

    /// The order that the change concerns. Changes of one order keep their sequence.
    pub fn order_id(&self) -> descrow_domain::OrderId {
        match self {
            Self::Order { after, .. } => after.id,
            Self::Payment { after, .. } => after.order_id,
        }
    }
}

type Images<T> = (Option<Box<T>>, Box<T>);

fn images<T: DeserializeOwned>(old: Item, new: Item, table: &'static str) -> Result<Images<T>, Unreadable> {
    let read = |item: Item| serde_dynamo::from_item(item).map_err(|source| Unreadable::Row { table, source });
    let before = if old.is_empty() { None } else { Some(Box::new(read(old)?)) };
    Ok((before, Box::new(read(new)?)))
}
