//! What a signed challenge becomes: a session, or a user with one. It is spent by the same transaction that writes them, so
//! that of all who hand in one challenge at once a single one gets a session, and the others leave nothing.

use descrow_domain::user::User;

use crate::{
    Family, Sessions, StoreError, Table, error::Refused, expression::expr, sessions::challenge_key, transaction::Write,
};

/// What became of a registration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignedUp {
    /// The user is there, and its first session.
    Done,
    /// The challenge was spent before; nothing was written.
    Spent,
    /// The account is registered already; nothing was written.
    Taken,
}

impl Sessions<'_> {
    /// Begins the session `family` for the challenge under `nonce`. `false` where that was spent before, or is none.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn sign_in(self, nonce: &str, family: &Family) -> Result<bool, StoreError> {
        match self.0.transact(&[spend(nonce), Write::create(family, "id")?]).await {
            Ok(()) => Ok(true),
            Err(Refused::Condition(mut met)) => met.at(0).map(|_| false).ok_or(TAKEN_ID),
            Err(Refused::Store(error)) => Err(error),
        }
    }

    /// Registers `user` and begins its first session `family` for the challenge under `nonce`.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn sign_up(self, nonce: &str, user: &User, family: &Family) -> Result<SignedUp, StoreError> {
        let writes = [spend(nonce), Write::create(user, "id")?, Write::create(family, "id")?];
        match self.0.transact(&writes).await {
            Ok(()) => Ok(SignedUp::Done),
            Err(Refused::Condition(mut met)) => {
                let (spent, taken) = (met.at(0).map(|_| SignedUp::Spent), met.at(1).map(|_| SignedUp::Taken));
                spent.or(taken).ok_or(TAKEN_ID)
            }
            Err(Refused::Store(error)) => Err(error),
        }
    }
}

/// A family's id was made twice: it is random, so trying again makes another.
const TAKEN_ID: StoreError = StoreError::Contention(Table::Sessions);

fn spend(nonce: &str) -> Write {
    Write::Delete { table: Table::Sessions, key: challenge_key(nonce), condition: expr("attribute_exists(#id)") }
}
