//! What the notifier needs of the tables.

use std::future::Future;

use descrow_domain::{Account, PaymentId, notification::Notification, payment::Payment};
use descrow_platform::deadline::DeadlinePassed;
use descrow_store::{Connection, Store, StoreError};

/// A record could not be handled now; the same may work later.
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

/// The rows behind notifications.
pub trait Rows: Sync {
    /// Writes a notification unless it is there already, read or not.
    ///
    /// # Errors
    /// [`StoreError`].
    fn put_notification(&self, row: &Notification) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// The payment with this id; `None` also for one that cannot be understood, since no retry will change that.
    ///
    /// # Errors
    /// [`StoreError`].
    fn payment(&self, id: PaymentId) -> impl Future<Output = Result<Option<Payment>, StoreError>> + Send;

    /// The open connections of a user; the store bounds their number.
    ///
    /// # Errors
    /// [`StoreError`].
    fn connections(&self, user: &Account) -> impl Future<Output = Result<Vec<Connection>, StoreError>> + Send;

    /// Forgets a connection that is gone.
    ///
    /// # Errors
    /// [`StoreError`].
    fn forget_connection(&self, connection: &str) -> impl Future<Output = Result<(), StoreError>> + Send;
}

impl Rows for Store {
    async fn put_notification(&self, row: &Notification) -> Result<(), StoreError> {
        self.notifications().put_if_absent(row).await.map(|_written_now| ())
    }

    async fn payment(&self, id: PaymentId) -> Result<Option<Payment>, StoreError> {
        match self.payments().get(id).await {
            Err(error @ StoreError::Unreadable { .. }) => {
                tracing::error!(error = %error, "notifier.payment_unreadable");
                Ok(None)
            }
            read => read,
        }
    }

    async fn connections(&self, user: &Account) -> Result<Vec<Connection>, StoreError> {
        self.connections().of_user(user).await
    }

    async fn forget_connection(&self, connection: &str) -> Result<(), StoreError> {
        self.connections().delete(connection).await.map(|_known| ())
    }
}
