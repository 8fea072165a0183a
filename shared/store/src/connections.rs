//! `connections`: open WebSocket connections. API Gateway tells of an end on a best-effort basis, so a row may outlive its socket.
//!
//! A connection belongs to the session whose ticket opened it, and is good for nothing once that has ended. That is not
//! written here: whoever pushes to a connection or answers it asks the session's row, so that there is one truth, and no
//! connection that opens at the moment of a logout is missed.

use descrow_domain::{Account, Timestamp};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{
    Page, Store, StoreError, Table,
    error::Refused,
    expression::{expr, string},
    item::{Row, decode, encode, id_key},
    list::Listing,
    sessions::{family_key, stands},
    transaction::Write,
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
    /// The session whose ticket opened it: a family's id. `None` on rows from before it was kept: what does not know its session
    /// is treated as if that had ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub family: Option<Uuid>,
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
    /// Keeps a connection if its session stands at `now`; `false`, and nothing is kept, if not. An id is never used twice, so a
    /// connection that is there is this one.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn open(self, connection: &Connection, now: Timestamp) -> Result<bool, StoreError> {
        let Some(family) = connection.family else { return Ok(false) };
        let own = expr("attribute_not_exists(#id) OR #user_id = :user").with(":user", string(connection.user_id));
        let put = Write::Put { table: Table::Connections, item: encode(connection)?, condition: own };
        let check = Write::Check { table: Table::Sessions, key: family_key(family), condition: stands(now) };
        match self.0.transact(&[put, check]).await {
            Ok(()) => Ok(true),
            Err(Refused::Condition(mut refused)) => match refused.at(1) {
                Some(_ended) => Ok(false),
                None => Err(StoreError::Contention(Table::Connections)),
            },
            Err(Refused::Store(error)) => Err(error),
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
