//! `connections`: open WebSocket connections. API Gateway tells of an end on a best-effort basis, so a row may outlive its socket.

use descrow_domain::{Account, Timestamp};
use serde::{Deserialize, Serialize};

use crate::{
    Page, Store, StoreError, Table,
    expression::{expr, string},
    item::{Row, decode, encode, id_key},
    list::Listing,
};

/// How many devices of one user are told at most.
const PER_USER: usize = 100;

/// One open WebSocket.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Connection {
    /// API Gateway's id of it: whoever knows it and may manage connections can write to it.
    pub id: String,
    /// Whose.
    pub user_id: Account,
    /// Since when.
    pub connected_at: Timestamp,
    /// Seconds since the epoch; the table's TTL, a little over the two hours that a connection lives at most.
    pub expires_at: i64,
}

impl Row for Connection {
    const TABLE: Table = Table::Connections;
}

/// Access to `connections`.
#[derive(Clone, Copy, Debug)]
pub struct Connections<'a>(pub(crate) &'a Store);

impl Connections<'_> {
    /// Keeps a connection; an id is never used twice, so one that is there is this one.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn put(self, connection: &Connection) -> Result<(), StoreError> {
        let condition = expr("attribute_not_exists(#id) OR #user_id = :user").with(":user", string(connection.user_id));
        match self.0.put(Table::Connections, encode(connection)?, &condition).await {
            Ok(()) => Ok(()),
            Err(crate::error::Refused::Condition(_)) => Err(StoreError::Contention(Table::Connections)),
            Err(crate::error::Refused::Store(error)) => Err(error),
        }
    }

    /// The connection with this id.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn get(self, id: &str) -> Result<Option<Connection>, StoreError> {
        self.0.get(id_key(id)).await
    }

    /// Forgets a connection, and gives what was known of it.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn delete(self, id: &str) -> Result<Option<Connection>, StoreError> {
        self.0.take(Table::Connections, id_key(id), None).await?.map(decode).transpose()
    }

    /// The connections of a user, at most 100.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn of_user(self, user: &Account) -> Result<Vec<Connection>, StoreError> {
        let page: Page<Connection> = self
            .0
            .list(Listing {
                index: Some("by_user"),
                partition: "user_id",
                values: vec![string(user)],
                sort: "id",
                descending: false,
                position: None,
                filter: None,
                limit: PER_USER,
            })
            .await?;
        Ok(page.items)
    }
}
