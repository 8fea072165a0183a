//! `users`: who is registered.

use descrow_domain::{Account, Msisdn, Timestamp, text::Text, user::User};

use crate::{
    Store, StoreError, Table,
    error::Refused,
    expression::{expr, number, string},
    item::{Row, decode, id_key},
};

impl Row for User {
    const TABLE: Table = Table::Users;
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

    /// Registers `user`; the one that is registered already, if there is one.
    ///
    /// # Errors
    /// [`StoreError`]
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
}
