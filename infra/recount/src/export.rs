//! Every row of a table.

use std::collections::HashMap;

use anyhow::{Context as _, anyhow};
use aws_sdk_dynamodb::{error::DisplayErrorContext, types::AttributeValue};
use descrow_store::{Client, Table};
use serde::de::DeserializeOwned;

/// A row as DynamoDB has it.
pub(crate) type Item = HashMap<String, AttributeValue>;

/// Calls `with` for each row of a table of `stack`, a page at a time.
pub(crate) async fn each(
    client: &Client,
    stack: &str,
    table: Table,
    mut with: impl FnMut(Item) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let name = format!("{stack}-{table}");
    let mut pages = client.scan().table_name(&name).consistent_read(true).into_paginator().send();
    while let Some(page) = pages.next().await {
        // The SDK's message may quote what was sent, which is nothing but the table's name here.
        let page = page.map_err(|error| anyhow!("cannot read {name}: {}", DisplayErrorContext(error)))?;
        for item in page.items.unwrap_or_default() {
            with(item)?;
        }
    }
    Ok(())
}

/// The row of an item.
pub(crate) fn row<T: DeserializeOwned>(table: Table, item: Item) -> anyhow::Result<T> {
    let text = |name: &str| item.get(name).and_then(|value| value.as_s().ok()).cloned().unwrap_or_default();
    let key = match table {
        Table::Ledger => format!("{}/{}", text("order_id"), text("entry_id")),
        Table::Notifications => format!("{}/{}", text("user_id"), text("id")),
        _ => text("id"),
    };
    serde_dynamo::from_item(item).with_context(|| format!("row {key} of {table} is unreadable"))
}
