//! The one OAuth token of Daraja (DARAJA.md §2), as an item of `limits` that all functions share.

use descrow_domain::Timestamp;
use descrow_mpesa::{AccessToken, StoredToken, TokenFuture, TokenStore, TokenStoreError};
use descrow_platform::Secret;
use serde::{Deserialize, Serialize};

use crate::{
    Store, StoreError, Table,
    error::Refused,
    expression::{Expression, expr, number, string},
    item::{Item, Row, id_key},
};

/// The shared token of one shortcode.
#[derive(Clone, Debug)]
pub struct DarajaToken {
    store: Store,
    id: String,
}

/// The item. A lock may be there before the first token is.
#[derive(Serialize, Deserialize)]
struct TokenRow {
    #[serde(default)]
    version: u64,
    #[serde(default)]
    token: Option<String>,
    #[serde(default)]
    issued_at: Option<Timestamp>,
    #[serde(default)]
    lifetime_s: u32,
}

impl Row for TokenRow {
    const TABLE: Table = Table::Limits;
}

impl DarajaToken {
    pub(crate) fn new(store: Store, shortcode: &str) -> Self {
        Self { store, id: format!("daraja-token#{shortcode}") }
    }

    fn key(&self) -> Item {
        id_key(&self.id)
    }

    /// `true` when `change` was made; `false` when `condition` does not hold.
    async fn change(&self, change: Expression, condition: Expression) -> Result<bool, TokenStoreError> {
        match self.store.update(Table::Limits, self.key(), &change, Some(&condition)).await {
            Ok(_) => Ok(true),
            Err(Refused::Condition(_)) => Ok(false),
            Err(Refused::Store(error)) => Err(unavailable(&error)),
        }
    }
}

fn unavailable(error: &StoreError) -> TokenStoreError {
    TokenStoreError(error.to_string())
}

/// The stored version is `version`, 0 meaning that none is stored.
fn at(version: u64) -> Expression {
    match version {
        0 => expr("attribute_not_exists(#version)"),
        _ => expr("#version = :version").with(":version", number(version)),
    }
}

impl TokenStore for DarajaToken {
    fn read(&self) -> TokenFuture<'_, Option<StoredToken>> {
        Box::pin(async move {
            let row: Option<TokenRow> = self.store.get(self.key()).await.map_err(|error| unavailable(&error))?;
            Ok(row.and_then(|row| {
                let token = AccessToken {
                    secret: Secret::new(row.token?),
                    issued_at: row.issued_at?,
                    lifetime_s: row.lifetime_s,
                };
                Some(StoredToken { version: row.version, token })
            }))
        })
    }

    fn lock(&self, version: u64, now: Timestamp, until: Timestamp) -> TokenFuture<'_, bool> {
        Box::pin(async move {
            let change = expr("SET #locked_until = :until").with(":until", number(until.0));
            let free =
                expr("(attribute_not_exists(#locked_until) OR #locked_until <= :now)").with(":now", number(now.0));
            self.change(change, at(version).and(free)).await
        })
    }

    fn replace(&self, version: u64, token: AccessToken) -> TokenFuture<'_, ()> {
        Box::pin(async move {
            let ends = token.issued_at.plus_seconds(i64::from(token.lifetime_s)).seconds();
            let change = expr(
                "SET #version = :next, #token = :token, #issued_at = :issued, #lifetime_s = :lifetime, \
                 #expires_at = :ends REMOVE #locked_until",
            )
            .with(":next", number(version.saturating_add(1)))
            .with(":token", string(token.secret.expose()))
            .with(":issued", number(token.issued_at.0))
            .with(":lifetime", number(token.lifetime_s))
            .with(":ends", number(ends));
            self.change(change, at(version)).await.map(|_| ())
        })
    }

    fn unlock(&self, version: u64) -> TokenFuture<'_, ()> {
        Box::pin(async move { self.change(expr("REMOVE #locked_until"), at(version)).await.map(|_| ()) })
    }
}
