//! A row that a release without an index wrote has not its key, or an outdated one, and no list that is read from the index shows it
//! rightly: here it gets its place.
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
    /// Notifications, in the list of what is unread or out of it.
    pub notifications: usize,
}

impl Placed {
    /// Gives every row of `stack` that stands elsewhere its place.
    ///
    /// # Errors
    /// A table cannot be read or written, or a row cannot be read.
    pub async fn all(client: &Client, stack: &str) -> anyhow::Result<Self> {
        let store = Store::new(client.clone(), Tables::of_stack(stack));
        let (mut orders, mut notifications) = (Vec::new(), Vec::new());
        export::each(client, stack, Table::Orders, |item| {
            let order: Order = export::row(Table::Orders, item.clone())?;
            if !Orders::in_place(&item, &order) {
                orders.push(order);
            }
            Ok(())
        })
        .await?;
        export::each(client, stack, Table::Notifications, |item| {
            let row: Notification = export::row(Table::Notifications, item.clone())?;
            if !Notifications::in_place(&item, &row) {
                notifications.push(row);
            }
            Ok(())
        })
        .await?;
        let mut placed = Self::default();
        for order in orders {
            placed.orders += usize::from(store.orders().put_in_place(&order).await?);
        }
        for row in notifications {
            placed.notifications += usize::from(store.notifications().put_in_place(&row).await?);
        }
        Ok(placed)
    }
}
