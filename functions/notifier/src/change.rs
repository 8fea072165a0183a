//! From a stream record to the change of a row that somebody may want to know of.

use aws_lambda_events::event::dynamodb::EventRecord;
use descrow_domain::{notification::Notification, order::Order, payment::Payment};
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
    /// A new row of `notifications` that another function wrote.
    Notification {
        /// The row.
        row: Box<Notification>,
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
    /// The change that `record` tells of; `None` where it is nobody's business: a deletion, a notification that was pushed
    /// when it was written or is marked as read now, or a row of the same table that is none of the three.
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
        } else if has("title") && has("message") && has("push") && record.event_name == "INSERT" {
            let (_, row) = images(Item::default(), new, "notifications")?;
            Ok(Some(Self::Notification { row }))
        } else {
            Ok(None)
        }
    }
}

type Images<T> = (Option<Box<T>>, Box<T>);

fn images<T: DeserializeOwned>(old: Item, new: Item, table: &'static str) -> Result<Images<T>, Unreadable> {
    let read = |item: Item| serde_dynamo::from_item(item).map_err(|source| Unreadable::Row { table, source });
    let before = if old.is_empty() { None } else { Some(Box::new(read(old)?)) };
    Ok((before, Box::new(read(new)?)))
}
