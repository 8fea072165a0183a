//! What the WebSocket's routes need of the tables.

use std::future::Future;

use descrow_domain::{Account, Timestamp, realtime::MessageId};
use descrow_platform::deadline::DeadlinePassed;
use descrow_store::{Connection, Kept, Store, StoreError, Ticket};

/// The route could not do its work now; the client may try again.
#[derive(Debug, thiserror::Error)]
pub enum Unavailable {
    /// A table could not be read or written.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// No time was left.
    #[error(transparent)]
    Deadline(#[from] DeadlinePassed),
    /// A message could not be written as JSON.
    #[error("message: {0}")]
    Message(#[from] serde_json::Error),
}

/// The rows behind connections.
pub trait Rows: Sync {
    /// Takes the ticket, once. `None` when there is none, or it is spent or over.
    ///
    /// # Errors
    /// [`StoreError`].
    fn take_ticket(
        &self,
        ticket: &str,
        now: Timestamp,
    ) -> impl Future<Output = Result<Option<Ticket>, StoreError>> + Send;

    /// Remembers an open connection; `false` when its session does not stand at `now`.
    ///
    /// # Errors
    /// [`StoreError`].
    fn open(&self, connection: &Connection, now: Timestamp) -> impl Future<Output = Result<bool, StoreError>> + Send;

    /// Forgets a connection; one that is not known needs no forgetting.
    ///
    /// # Errors
    /// [`StoreError`].
    fn close(&self, connection: &str) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// The connection; `None` for one that is not known.
    ///
    /// # Errors
    /// [`StoreError`].
    fn connection(&self, id: &str) -> impl Future<Output = Result<Option<Connection>, StoreError>> + Send;

    /// The id of the newest message for the connection's user; `None` when its session does not stand at `now`.
    ///
    /// # Errors
    /// [`StoreError`].
    fn last(
        &self,
        connection: &Connection,
        now: Timestamp,
    ) -> impl Future<Output = Result<Option<MessageId>, StoreError>> + Send;

    /// Those of at most `limit` messages of `user` with ids greater than `after` that are kept at `now`, in order, and up to
    /// which id was read where more may follow.
    ///
    /// # Errors
    /// [`StoreError`].
    fn after(
        &self,
        user: &Account,
        after: MessageId,
        limit: usize,
        now: Timestamp,
    ) -> impl Future<Output = Result<(Vec<Kept>, Option<MessageId>), StoreError>> + Send;
}

impl Rows for Store {
    async fn take_ticket(&self, ticket: &str, now: Timestamp) -> Result<Option<Ticket>, StoreError> {
        self.sessions().take_ticket(ticket, now).await
    }

    async fn open(&self, connection: &Connection, now: Timestamp) -> Result<bool, StoreError> {
        self.connections().open(connection, now).await
    }

    async fn close(&self, connection: &str) -> Result<(), StoreError> {
        self.connections().delete(connection).await.map(|_known| ())
    }

    async fn connection(&self, id: &str) -> Result<Option<Connection>, StoreError> {
        self.connections().get(id).await
    }

    async fn last(&self, connection: &Connection, now: Timestamp) -> Result<Option<MessageId>, StoreError> {
        self.messages().last_for(connection, now).await
    }

    async fn after(
        &self,
        user: &Account,
        after: MessageId,
        limit: usize,
        now: Timestamp,
    ) -> Result<(Vec<Kept>, Option<MessageId>), StoreError> {
        self.messages().after(user, after, limit, now).await
    }
}
