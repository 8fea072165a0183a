//! Rows as items: columns by serde, index columns beside them.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use descrow_domain::Timestamp;
use serde::{Serialize, de::DeserializeOwned};
use serde_dynamo::aws_sdk_dynamodb_1::{from_item, to_item};
use uuid::Uuid;

use crate::{StoreError, Table, expression::string};

/// An item as the SDK has it.
pub(crate) type Item = HashMap<String, AttributeValue>;

/// How many partitions an index gets whose natural key takes few values, so that none becomes hot.
pub(crate) const SHARDS: u8 = 4;

/// A type that one table holds.
pub(crate) trait Row: Serialize + DeserializeOwned {
    /// The table.
    const TABLE: Table;

    /// Adds the columns that only indexes need; they are derived, and ignored when the item is read.
    fn index(&self, _item: &mut Item) {}
}

/// The item of `row`.
pub(crate) fn encode<R: Row>(row: &R) -> Result<Item, StoreError> {
    let mut item: Item = to_item(row)
        .map_err(|error| StoreError::Unwritable { table: R::TABLE, reason: without_values(&error.to_string()) })?;
    row.index(&mut item);
    Ok(item)
}

/// The row of `item`.
pub(crate) fn decode<R: Row>(item: Item) -> Result<R, StoreError> {
    let key = shown_key(R::TABLE, &item);
    from_item(item).map_err(|error| StoreError::Unreadable {
        table: R::TABLE,
        key,
        reason: without_values(&error.to_string()),
    })
}

/// One value of a row as an attribute.
pub(crate) fn attribute<T: Serialize>(table: Table, value: &T) -> Result<AttributeValue, StoreError> {
    serde_dynamo::aws_sdk_dynamodb_1::to_attribute_value(value)
        .map_err(|error| StoreError::Unwritable { table, reason: without_values(&error.to_string()) })
}

/// The key of a table whose partition key is `id`.
#[allow(clippy::needless_pass_by_value, reason = "keys are mostly made on the spot")]
pub(crate) fn id_key(id: impl ToString) -> Item {
    HashMap::from([("id".to_owned(), string(id))])
}

/// Sorts by creation and is unique.
pub(crate) fn created_key(at: Timestamp, id: &Uuid) -> String {
    format!("{:014}#{}", at.0, id.hyphenated())
}

/// The partition of `id` within `SHARDS`.
pub(crate) fn shard(id: &Uuid) -> u8 {
    id.as_bytes().last().copied().unwrap_or_default() % SHARDS
}

/// The key as an error may show it.
fn shown_key(table: Table, item: &Item) -> String {
    let text = |name: &str| item.get(name).and_then(|v| v.as_s().ok()).map_or("?", String::as_str);
    match table {
        Table::Sessions | Table::Limits => text("id").split_once('#').map_or("?", |(kind, _)| kind).to_owned() + "#…",
        Table::Connections => "…".to_owned(),
        Table::Ledger => format!("{}/{}", text("order_id"), text("entry_id")),
        Table::Messages => text("user_id").to_owned(),
        Table::Audit => format!("{}/{}", text("day"), text("id")),
        Table::Notifications => format!("{}/{}", text("user_id"), text("id")),
        _ => text("id").to_owned(),
    }
}

/// A message of serde without the values it quotes: `invalid type: string "…", expected u32`.
fn without_values(message: &str) -> String {
    let mut shown = String::with_capacity(message.len());
    for (n, part) in message.split('"').enumerate() {
        match n % 2 {
            0 => shown.push_str(part),
            _ => shown.push_str("\"…\""),
        }
    }
    for kind in ["unknown variant `", "integer `", "floating point `", "boolean `", "character `"] {
        while let Some((before, after)) = shown.split_once(kind) {
            let rest = after.split_once('`').map_or("", |(_, rest)| rest);
            shown = format!("{before}{}{rest}", kind.trim_end_matches(" `"));
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_shows_no_values() {
        for (message, shown) in [
            (r#"invalid type: string "254708374149", expected u32"#, r#"invalid type: string "…", expected u32"#),
            ("invalid value: integer `254708374149`, expected u32", "invalid value: integer, expected u32"),
            ("missing field `amount_kes`", "missing field `amount_kes`"),
            ("unknown variant `254708374149`, expected `buyer`", "unknown variant, expected `buyer`"),
        ] {
            assert_eq!(without_values(message), shown);
        }
    }

    #[test]
    fn a_key_that_is_a_secret_is_not_shown() {
        let item = id_key("ticket#abcdef");
        assert_eq!(shown_key(Table::Sessions, &item), "ticket#…");
        assert_eq!(shown_key(Table::Connections, &id_key("L0SM9cOFvHcCIhw=")), "…");
        assert_eq!(shown_key(Table::Orders, &id_key("x")), "x");
    }

    #[test]
    fn a_later_row_sorts_later() {
        let id = Uuid::from_u128(7);
        assert!(created_key(Timestamp(999), &id) < created_key(Timestamp(1_000), &id));
    }
}
