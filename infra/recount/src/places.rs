//! Rows from before an index was added have not its key, and are in no list that is read from it: here they get it.
//!
//! It is safe beside a running stack and can be repeated: a row that somebody writes meanwhile has its place by that.

use descrow_domain::{notification::Notification, order::Order};
use descrow_store::{Client, Notifications, Orders, Store, Table, Tables};

use crate::export;

/// How many rows got a place.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Placed {
    /// Orders, in the parties' lists by status.
    pub orders: usize,
    /// Unread notifications, in the list of what is unread.
    pub notifications: usize,
}

impl Placed {
    /// Gives every row of `stack` that has none its place.
    ///
    /// # Errors
    /// A table cannot be read or written, or a row cannot be read.
    pub async fn all(client: &Client, stack: &str) -> anyhow::Result<Self> {
        let store = Store::new(client.clone(), Tables::of_stack(stack));
        let mut placed = Self::default();
        for item in export::lacking(client, stack, Table::Orders, Orders::STATUS_KEY).await? {
            let order: Order = export::row(Table::Orders, item)?;
            placed.orders += usize::from(store.orders().put_in_place(&order).await?);
        }
        for item in export::lacking(client, stack, Table::Notifications, Notifications::UNREAD).await? {
            let row: Notification = export::row(Table::Notifications, item)?;
            if !row.read {
                placed.notifications += usize::from(store.notifications().put_in_place(&row).await?);
            }
        }
        Ok(placed)
    }
}
