//! `notifications`: what users were told. Ids sort by time.
//!
//! The notifier writes a row together with the message that pushes it (`messages`). Rows that others write are marked as due, and leave by
//! the table's stream.

use aws_sdk_dynamodb::types::AttributeValue;
use descrow_domain::{Account, NotificationId, notification::Notification};

use crate::{
    Page, Store, StoreError, Table,
    error::Refused,
    expression::{expr, string},
    item::{Item, Row},
    list::Listing,
};

/// How many unread notifications one call marks as read at most.
const MARKED_AT_ONCE: usize = 500;
/// How many updates are under way at once.
const PARALLEL: usize = 10;

/// The column by which the table's stream knows a row that nobody has pushed yet.
const PUSH: &str = "push";

impl Row for Notification {
    const TABLE: Table = Table::Notifications;

    fn index(&self, item: &mut Item) {
        item.insert(PUSH.to_owned(), string("due"));
    }
}

/// The item of a row whose message is written along with it.
pub(crate) fn pushed(mut item: Item) -> Item {
    item.remove(PUSH);
    item
}

/// Access to `notifications`.
#[derive(Clone, Copy, Debug)]
pub struct Notifications<'a>(pub(crate) &'a Store);

impl Notifications<'_> {
    /// Writes a notification unless it is there: `true` when this call wrote it.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn put_if_absent(self, notification: &Notification) -> Result<bool, StoreError> {
        let item = crate::item::encode(notification)?;
        match self.0.put(Table::Notifications, item, &expr("attribute_not_exists(#id)")).await {
            Ok(()) => Ok(true),
            Err(Refused::Condition(_)) => Ok(false),
            Err(Refused::Store(error)) => Err(error),
        }
    }

    /// A page of `user`'s notifications, newest first, from before `position`.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn list(
        self,
        user: &Account,
        position: Option<&str>,
        limit: usize,
    ) -> Result<Page<Notification>, StoreError> {
        self.0.list(of(user, position, limit)).await
    }

    /// Marks one as read. `false` when `user` has no such notification.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn mark_read(self, user: &Account, id: NotificationId) -> Result<bool, StoreError> {
        let change = expr("SET #read = :yes").with(":yes", AttributeValue::Bool(true));
        let there = expr("attribute_exists(#id)");
        match self.0.update(Table::Notifications, key(user, id), &change, Some(&there)).await {
            Ok(_) => Ok(true),
            Err(Refused::Condition(_)) => Ok(false),
            Err(Refused::Store(error)) => Err(error),
        }
    }

    /// Marks the unread ones as read, newest first, at most 500 at once; gives how many.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn mark_all_read(self, user: &Account) -> Result<usize, StoreError> {
        use futures_util::{StreamExt, TryStreamExt, stream};
        let mut unread: Vec<NotificationId> = Vec::new();
        let mut position: Option<String> = None;
        loop {
            let mut listing = of(user, position.as_deref(), 100);
            listing.filter = Some(expr("#read = :no").with(":no", AttributeValue::Bool(false)));
            let page: Page<Notification> = self.0.list(listing).await?;
            unread.extend(page.items.iter().map(|n| n.id));
            position = page.next;
            if position.is_none() || unread.len() >= MARKED_AT_ONCE {
                break;
            }
        }
        unread.truncate(MARKED_AT_ONCE);
        let marked = unread.len();
        stream::iter(unread)
            .map(|id| self.mark_read(user, id))
            .buffer_unordered(PARALLEL)
            .try_for_each(|_| std::future::ready(Ok(())))
            .await?;
        Ok(marked)
    }
}

fn key(user: &Account, id: NotificationId) -> Item {
    Item::from([("user_id".to_owned(), string(user)), ("id".to_owned(), string(id))])
}

fn of<'a>(user: &Account, position: Option<&'a str>, limit: usize) -> Listing<'a> {
    Listing {
        index: None,
        partition: "user_id",
        values: vec![string(user)],
        sort: "id",
        descending: true,
        position,
        filter: None,
        limit,
    }
}
