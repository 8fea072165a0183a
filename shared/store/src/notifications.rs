//! `notifications`: what users were told. Ids sort by time.
//!
//! The notifier writes a row together with the message that pushes it (`messages`). Rows that others write are marked as due, and leave by
//! the table's stream.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use descrow_domain::{Account, NotificationId, notification::Notification};

use crate::{
    Page, Store, StoreError, Table,
    error::Refused,
    expression::{Expression, expr, string},
    item::{Item, Row},
    list::Listing,
    transaction::Write,
};

/// The column by which the table's stream knows a row that nobody has pushed yet.
const PUSH: &str = "push";
/// The partition key of `by_unread`: the user, on what it has not read. An index holds only rows that have its key, so that this one
/// is as short as the list of what is unread, however long a user is told things.
const UNREAD: &str = "unread_of";

impl Row for Notification {
    const TABLE: Table = Table::Notifications;

    fn index(&self, item: &mut Item) {
        item.insert(PUSH.to_owned(), string("due"));
        if !self.read {
            item.insert(UNREAD.to_owned(), string(self.user_id));
        }
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
    /// How many are marked as read in one transaction: the most that DynamoDB takes.
    pub const MARKED_TOGETHER: usize = 100;

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
        self.page(None, "user_id", user, position, limit).await
    }

    /// A page of what `user` has not read, newest first, from before `position`.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn unread(
        self,
        user: &Account,
        position: Option<&str>,
        limit: usize,
    ) -> Result<Page<Notification>, StoreError> {
        self.page(Some("by_unread"), UNREAD, user, position, limit).await
    }

    async fn page(
        self,
        index: Option<&'static str>,
        partition: &'static str,
        user: &Account,
        position: Option<&str>,
        limit: usize,
    ) -> Result<Page<Notification>, StoreError> {
        let (values, filter) = (vec![string(user)], None);
        let listing = Listing { index, partition, values, sort: "id", descending: true, position, filter, limit };
        self.0.list(listing).await
    }

    /// Marks one as read. `false` when `user` has no such notification.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn mark_read(self, user: &Account, id: NotificationId) -> Result<bool, StoreError> {
        match self.0.update(Table::Notifications, key(user, id), &reading(), Some(&there())).await {
            Ok(_) => Ok(true),
            Err(Refused::Condition(_)) => Ok(false),
            Err(Refused::Store(error)) => Err(error),
        }
    }

    /// Marks these of `user` as read, at most [`Self::MARKED_TOGETHER`], all or none. What is read already stays so.
    ///
    /// # Errors
    /// [`StoreError`]; [`StoreError::Contention`] also when one of them is gone.
    pub async fn mark_all_read(self, user: &Account, ids: &[NotificationId]) -> Result<(), StoreError> {
        let mark = |id: &NotificationId| Write::Update {
            table: Table::Notifications,
            key: key(user, *id),
            change: reading(),
            condition: there(),
        };
        let writes: Vec<Write> = ids.iter().map(mark).collect();
        if writes.is_empty() {
            return Ok(());
        }
        self.0.transact(&writes).await.map_err(|refused| match refused {
            Refused::Store(error) => error,
            Refused::Condition(_) => StoreError::Contention(Table::Notifications),
        })
    }

    /// Whether `item`, which is `notification`, stands where the list of what is unread looks for it, and no longer than that. One that a
    /// release without this list wrote does not.
    pub fn in_place(item: &HashMap<String, AttributeValue>, notification: &Notification) -> bool {
        item.contains_key(UNREAD) != notification.read
    }

    /// Gives a row its place in the list of what is unread, or takes it out; `false` where it was read since, or is gone.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn put_in_place(self, notification: &Notification) -> Result<bool, StoreError> {
        let (user, id) = (&notification.user_id, notification.id);
        if notification.read {
            return self.mark_read(user, id).await;
        }
        let change = expr(format!("SET #{UNREAD} = :user")).with(":user", string(user));
        let unread = expr("#read = :no").with(":no", AttributeValue::Bool(false));
        match self.0.update(Table::Notifications, key(user, id), &change, Some(&unread)).await {
            Ok(_) => Ok(true),
            Err(Refused::Condition(_)) => Ok(false),
            Err(Refused::Store(error)) => Err(error),
        }
    }
}

/// The change to a row that is read.
fn reading() -> Expression {
    expr(format!("SET #read = :yes REMOVE #{UNREAD}")).with(":yes", AttributeValue::Bool(true))
}

/// The row is there.
fn there() -> Expression {
    expr("attribute_exists(#id)")
}

fn key(user: &Account, id: NotificationId) -> Item {
    Item::from([("user_id".to_owned(), string(user)), ("id".to_owned(), string(id))])
}
