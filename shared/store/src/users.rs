//! `users`: who is registered.

mod kyc;

use descrow_domain::{
    Account, Msisdn, Timestamp,
    text::Text,
    user::{KycStatus, User},
};

pub use kyc::{KycDecided, KycSubmitted};

use crate::{
    Page, Store, StoreError, Table,
    error::Refused,
    expression::{expr, number, string},
    item::{Item, Row, SHARDS, decode, id_key},
    list::Listing,
};

impl Row for User {
    const TABLE: Table = Table::Users;

    fn index(&self, item: &mut Item) {
        item.insert("created_bucket".into(), string(created_bucket(shard(&self.id))));
        item.insert("created_key".into(), string(account_key(self.created_at, &self.id)));
        item.insert("kyc_status_shard".into(), string(kyc_shard(self.kyc_status, shard(&self.id))));
        item.insert("updated_key".into(), string(account_key(kyc_changed_at(self), &self.id)));
    }
}

/// The partition of an account within `SHARDS`.
fn shard(id: &Account) -> u8 {
    id.as_bytes().last().copied().unwrap_or_default() % SHARDS
}

/// The partition of `by_created`. Registrations are far too few for a partition each day.
fn created_bucket(shard: u8) -> String {
    format!("users#{shard}")
}

/// The partition of `by_kyc`.
fn kyc_shard(status: KycStatus, shard: u8) -> String {
    format!("{}#{shard}", status.as_str())
}

/// Sorts by time and is unique.
fn account_key(at: Timestamp, id: &Account) -> String {
    format!("{:014}#{id}", at.0)
}

/// Since when the user has its KYC status: the sort key of `by_kyc`, so that who waits longest comes first, whatever else of
/// its profile it changed meanwhile.
fn kyc_changed_at(user: &User) -> Timestamp {
    let submission = user.kyc.as_ref();
    let decided = submission.and_then(|kyc| kyc.decision.as_ref()).map(|decision| decision.at);
    decided.or(submission.map(|kyc| kyc.submitted_at)).unwrap_or(user.created_at)
}

/// What a user may change about itself; `None` removes it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Profile {
    /// Where a seller is paid, and a buyer asked to pay.
    pub phone: Option<Msisdn>,
    /// How the user wants to be called.
    pub display_name: Option<Text<1, 100>>,
    /// Contact address.
    pub email: Option<Text<3, 255>>,
}

/// Access to `users`.
#[derive(Clone, Copy, Debug)]
pub struct Users<'a>(pub(crate) &'a Store);

impl Users<'_> {
    /// The user with this account.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn get(self, id: &Account) -> Result<Option<User>, StoreError> {
        self.0.get(id_key(id)).await
    }

    /// Puts `user` there without a challenge, as tests need it; the one that is registered already, if there is one.
    ///
    /// # Errors
    /// [`StoreError`]
    #[cfg(feature = "testing")]
    pub async fn create(self, user: &User) -> Result<Option<User>, StoreError> {
        self.0.create(user, "id").await
    }

    /// Sets what a user may change about itself and gives the user as it is then; `None` when nobody has this account.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn set_profile(
        self,
        id: &Account,
        profile: &Profile,
        now: Timestamp,
    ) -> Result<Option<User>, StoreError> {
        let columns = [
            ("phone", profile.phone.as_ref().map(|p| string(p.digits()))),
            ("display_name", profile.display_name.as_ref().map(|n| string(n.as_str()))),
            ("email", profile.email.as_ref().map(|e| string(e.as_str()))),
        ];
        let mut set = vec!["#updated_at = :now".to_owned()];
        let mut removed = Vec::new();
        for (name, value) in &columns {
            match value {
                Some(_) => set.push(format!("#{name} = :{name}")),
                None => removed.push(format!("#{name}")),
            }
        }
        let remove = if removed.is_empty() { String::new() } else { format!(" REMOVE {}", removed.join(", ")) };
        let mut change = expr(format!("SET {}{remove}", set.join(", "))).with(":now", number(now.0));
        for (name, value) in columns {
            if let Some(value) = value {
                change = change.with(&format!(":{name}"), value);
            }
        }
        match self.0.update(Table::Users, id_key(id), &change, Some(&expr("attribute_exists(#id)"))).await {
            Ok(item) => decode(item).map(Some),
            Err(Refused::Condition(_)) => Ok(None),
            Err(Refused::Store(error)) => Err(error),
        }
    }

    /// A page of users, the one registered last first.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn list(self, position: Option<&str>, limit: usize) -> Result<Page<User>, StoreError> {
        let listing = Listing {
            index: Some("by_created"),
            partition: "created_bucket",
            values: (0..SHARDS).map(|shard| string(created_bucket(shard))).collect(),
            sort: "created_key",
            descending: true,
            position,
            filter: None,
            limit,
        };
        self.0.list(listing).await
    }

    /// A page of the users with this KYC status, the one that has it longest first.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn list_by_kyc(
        self,
        status: KycStatus,
        position: Option<&str>,
        limit: usize,
    ) -> Result<Page<User>, StoreError> {
        let listing = Listing {
            index: Some("by_kyc"),
            partition: "kyc_status_shard",
            values: (0..SHARDS).map(|shard| string(kyc_shard(status, shard))).collect(),
            sort: "updated_key",
            descending: false,
            position,
            filter: None,
            limit,
        };
        self.0.list(listing).await
    }
}
