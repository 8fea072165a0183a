//! What the notifier needs of the tables.

use std::{collections::HashSet, future::Future};

use descrow_domain::{Account, Timestamp};
use descrow_store::{Appended, Asked, Connection, Known, Store, StoreError, Telling};
use uuid::Uuid;

/// The rows behind messages.
pub trait Rows: Sync {
    /// What is known of what is asked.
    ///
    /// # Errors
    /// [`StoreError`].
    fn known(&self, asked: &Asked) -> impl Future<Output = Result<Known, StoreError>> + Send;

    /// Writes what `user` is told, in order, each telling once; gives the messages to push.
    fn append(
        &self,
        user: &Account,
        tellings: Vec<Telling>,
        known: &Known,
        now: Timestamp,
    ) -> impl Future<Output = Appended> + Send;

    /// The open connections of a user; the store bounds their number.
    ///
    /// # Errors
    /// [`StoreError`].
    fn connections(&self, user: &Account) -> impl Future<Output = Result<Vec<Connection>, StoreError>> + Send;

    /// Those of `families`, the sessions of connections, that stand at `now`.
    ///
    /// # Errors
    /// [`StoreError`].
    fn alive(
        &self,
        families: &[Uuid],
        now: Timestamp,
    ) -> impl Future<Output = Result<HashSet<Uuid>, StoreError>> + Send;

    /// Forgets a connection that is gone.
    ///
    /// # Errors
    /// [`StoreError`].
    fn forget_connection(&self, connection: &str) -> impl Future<Output = Result<(), StoreError>> + Send;
}

impl Rows for Store {
    async fn known(&self, asked: &Asked) -> Result<Known, StoreError> {
        self.messages().known(asked).await
    }

    async fn append(&self, user: &Account, tellings: Vec<Telling>, known: &Known, now: Timestamp) -> Appended {
        self.messages().append(user, tellings, known, now).await
    }

    async fn connections(&self, user: &Account) -> Result<Vec<Connection>, StoreError> {
        self.connections().of_user(user).await
    }

    async fn alive(&self, families: &[Uuid], now: Timestamp) -> Result<HashSet<Uuid>, StoreError> {
        self.sessions().alive(families, now).await
    }

    async fn forget_connection(&self, connection: &str) -> Result<(), StoreError> {
        self.connections().delete(connection).await.map(|_known| ())
    }
}
