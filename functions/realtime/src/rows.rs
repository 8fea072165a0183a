//! What the WebSocket's routes need of the tables.

use std::future::Future;

use descrow_domain::{Account, NotificationId, Timestamp, notification::Notification};
use descrow_platform::deadline::DeadlinePassed;
use descrow_store::{Connection, Page, Store, StoreError};

/// The route could not do its work now; the client may try again.
#[derive(Debug, thiserror::Error)]
pub enum Unavailable {
    /// A table could not be read or written.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// No time was left.
    #[error(transparent)]
    Deadline(#[from] DeadlinePassed),
}

/// The rows behind connections.
pub trait Rows: Sync {
    /// Takes the ticket: whose it is, once. `None` when there is none, or it is spent or over.
    ///
    /// # Errors
    /// [`StoreError`].
    fn take_ticket(
        &self,
        ticket: &str,
        now: Timestamp,
    ) -> impl Future<Output = Result<Option<Account>, StoreError>> + Send;

    /// Remembers an open connection.
    ///
    /// # Errors
    /// [`StoreError`].
    fn open(&self, connection: &Connection) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Forgets a connection; one that is not known needs no forgetting.
    ///
    /// # Errors
    /// [`StoreError`].
    fn close(&self, connection: &str) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Whose connection it is; `None` for one that is not known.
    ///
    /// # Errors
    /// [`StoreError`].
    fn owner(&self, connection: &str) -> impl Future<Output = Result<Option<Account>, StoreError>> + Send;

    /// At most `limit` notifications of `user` with ids greater than `after`, oldest first.
    ///
    /// # Errors
    /// [`StoreError`].
    fn notifications_after(
        &self,
        user: &Account,
        after: NotificationId,
        limit: usize,
    ) -> impl Future<Output = Result<Page<Notification>, StoreError>> + Send;
}

impl Rows for Store {
    async fn take_ticket(&self, ticket: &str, now: Timestamp) -> Result<Option<Account>, StoreError> {
        Ok(self.sessions().take_ticket(ticket, now).await?.map(|ticket| ticket.account))
    }

    async fn open(&self, connection: &Connection) -> Result<(), StoreError> {
        self.connections().put(connection).await
    }

    async fn close(&self, connection: &str) -> Result<(), StoreError> {
        self.connections().delete(connection).await.map(|_known| ())
    }

    async fn owner(&self, connection: &str) -> Result<Option<Account>, StoreError> {
        Ok(self.connections().get(connection).await?.map(|connection| connection.user_id))
    }

    async fn notifications_after(
        &self,
        user: &Account,
        after: NotificationId,
        limit: usize,
    ) -> Result<Page<Notification>, StoreError> {
        self.notifications().after(user, after, limit).await
    }
}
