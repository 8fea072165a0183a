//! From a stream record to what it counts for. Pure.

use aws_lambda_events::event::dynamodb::EventRecord;
use descrow_domain::{
    analytics::{deltas, ledger_deltas},
    ledger::LedgerEntry,
    order::Order,
};
use descrow_store::Counting;
use serde::de::DeserializeOwned;
use serde_dynamo::Item;

/// The row does not have the form of its table. No retry changes that.
#[derive(Debug, thiserror::Error)]
#[error("row of {table} is malformed: {reason}")]
pub struct Unreadable {
    /// The table.
    pub table: &'static str,
    /// What is wrong. Names fields, not values.
    pub reason: String,
}

/// What `record` counts for; `None` where it is a deletion, or a row of the same tables that is neither order nor entry.
///
/// # Errors
/// [`Unreadable`]: the record is poison.
pub fn counting(record: EventRecord) -> Result<Option<Counting>, Unreadable> {
    if record.event_name == "REMOVE" {
        return Ok(None);
    }
    let (old, new) = (record.change.old_image, record.change.new_image);
    if new.get("buyer_id").is_some() && new.get("seller_id").is_some() {
        let before: Option<Order> = if old.is_empty() { None } else { Some(row(old, "orders")?) };
        let after: Order = row(new, "orders")?;
        let change = format!("order#{}#{}", after.id, after.version);
        return Ok(Some(Counting { change, tally: deltas(before.as_ref(), &after) }));
    }
    // An entry is never changed, so one that is not new was counted.
    if new.get("entry_id").is_some() && old.is_empty() {
        let entry: LedgerEntry = row(new, "ledger")?;
        let change = format!("ledger#{}#{}", entry.order_id, entry.entry_id);
        return Ok(Some(Counting { change, tally: ledger_deltas(&entry) }));
    }
    Ok(None)
}

fn row<T: DeserializeOwned>(item: Item, table: &'static str) -> Result<T, Unreadable> {
    serde_dynamo::from_item(item).map_err(|error| Unreadable { table, reason: shape(&error.to_string()) })
}

/// What serde says of a value's shape, without the value that it quotes.
fn shape(message: &str) -> String {
    let parts = message.split('"').enumerate();
    parts.map(|(n, part)| if n % 2 == 0 { part } else { "…" }).collect()
}
