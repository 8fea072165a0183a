//! `ledger`: the books. Entries are written by the transactions that move money, and never changed.

use std::collections::HashMap;

use descrow_domain::{OrderId, ledger::LedgerEntry};

use crate::{
    Store, StoreError, Table,
    expression::string,
    item::{Item, Row},
    list::Listing,
};

impl Row for LedgerEntry {
    const TABLE: Table = Table::Ledger;
}

/// The key of an entry.
pub(crate) fn entry_key(order: OrderId, entry: &str) -> Item {
    HashMap::from([("order_id".to_owned(), string(order)), ("entry_id".to_owned(), string(entry))])
}

/// Access to `ledger`.
#[derive(Clone, Copy, Debug)]
pub struct Ledger<'a>(pub(crate) &'a Store);

impl Ledger<'_> {
    /// Every entry of an order. An order has a handful.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn of_order(self, order: OrderId) -> Result<Vec<LedgerEntry>, StoreError> {
        let mut entries = Vec::new();
        let mut position = None;
        loop {
            let listing = Listing {
                index: None,
                partition: "order_id",
                values: vec![string(order)],
                sort: "entry_id",
                descending: false,
                position: position.as_deref(),
                filter: None,
                limit: 100,
            };
            let page = self.0.list(listing).await?;
            entries.extend(page.items);
            position = page.next;
            if position.is_none() {
                return Ok(entries);
            }
        }
    }
}
