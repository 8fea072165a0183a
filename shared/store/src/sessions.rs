//! `sessions`: what proves who somebody is, for a while.
//!
//! Challenges and tickets are used once: taking one removes it. A refresh family counts its rotations, and a token with an
//! older number was stolen or replayed. Every item has a TTL, but DynamoDB removes it hours later, so expiry is checked too.

use std::collections::HashSet;

use descrow_domain::{Account, Timestamp, kyc::KycDocument, notification::Notification};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{
    Store, StoreError, Table,
    error::Refused,
    expression::{Expression, expr, number, string},
    item::{Item, Row, decode, encode, id_key},
    transaction::Write,
};

/// A message to be signed, once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Challenge {
    /// The key, `challenge#<nonce>`.
    id: String,
    /// Whose signature is asked for.
    pub account: Account,
    /// What to sign.
    pub message: String,
    /// Seconds since the epoch; the table's TTL.
    pub expires_at: i64,
}

impl Challenge {
    /// A challenge under `nonce`.
    pub fn new(nonce: &str, account: Account, message: String, expires: Timestamp) -> Self {
        Self { id: challenge_id(nonce), account, message, expires_at: expires.seconds() }
    }
}

/// One login and the refresh tokens that follow from it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Family {
    /// The key, `family#<uuid>`.
    id: String,
    /// Whose login.
    pub account: Account,
    /// The number of the one refresh token that is valid.
    pub counter: u64,
    /// Which use of a token made it so; `None` while it is the login's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rotation: Option<Uuid>,
    /// Whether it was ended: by logout, or by the reuse of a token.
    #[serde(default)]
    pub revoked: bool,
    /// When the login was.
    pub created_at: Timestamp,
    /// Seconds since the epoch; the table's TTL. Moves with each rotation.
    pub expires_at: i64,
}

impl Family {
    /// A family for a login; its first token has number 1.
    pub fn new(id: Uuid, account: Account, now: Timestamp, expires: Timestamp) -> Self {
        let expires_at = expires.seconds();
        Self { id: family_id(id), account, counter: 1, rotation: None, revoked: false, created_at: now, expires_at }
    }

    /// Whether it still proves anything.
    pub fn alive(&self, now: Timestamp) -> bool {
        !self.revoked && now.seconds() < self.expires_at
    }
}

/// What came of the use of a refresh token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rotation {
    /// The next token is valid now: the family as it is.
    Rotated(Family),
    /// The token was used before: somebody else has it. The family must be revoked.
    Reused(Family),
    /// The family is unknown, ended, or over.
    Gone,
}

/// Lets one WebSocket connect, once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ticket {
    /// The key, `ticket#<secret>`.
    id: String,
    /// Who connects.
    pub account: Account,
    /// The session that asked for it: a family's id. `None` on rows from before it was kept, which admit nobody.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub family: Option<Uuid>,
    /// Seconds since the epoch; the table's TTL.
    pub expires_at: i64,
}

impl Ticket {
    /// A ticket under `secret`, for the session `family` of `account`.
    pub fn new(secret: &str, account: Account, family: Uuid, expires: Timestamp) -> Self {
        Self { id: ticket_id(secret), account, family: Some(family), expires_at: expires.seconds() }
    }
}

/// Documents that a user promised to hand in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KycDraft {
    /// The key, `kyc#<submission>`.
    id: String,
    /// Whose documents.
    pub account: Account,
    /// The user's `auth_version` then: a decision meanwhile makes the promise void.
    pub auth_version: u64,
    /// The documents.
    pub documents: Vec<KycDocument>,
    /// Seconds since the epoch; the table's TTL.
    pub expires_at: i64,
}

impl KycDraft {
    /// What `account` promised under `submission`.
    pub fn new(
        submission: Uuid,
        account: Account,
        auth_version: u64,
        documents: Vec<KycDocument>,
        expires: Timestamp,
    ) -> Self {
        Self { id: draft_id(submission), account, auth_version, documents, expires_at: expires.seconds() }
    }
}

impl Row for KycDraft {
    const TABLE: Table = Table::Sessions;
}

impl Row for Challenge {
    const TABLE: Table = Table::Sessions;
}

impl Row for Family {
    const TABLE: Table = Table::Sessions;
}

impl Row for Ticket {
    const TABLE: Table = Table::Sessions;
}

fn challenge_id(nonce: &str) -> String {
    format!("challenge#{nonce}")
}

fn draft_id(submission: Uuid) -> String {
    format!("kyc#{}", submission.hyphenated())
}

fn ticket_id(secret: &str) -> String {
    format!("ticket#{secret}")
}

fn family_id(id: Uuid) -> String {
    format!("family#{}", id.hyphenated())
}

/// The key of a challenge, for what spends it.
pub(crate) fn challenge_key(nonce: &str) -> Item {
    id_key(challenge_id(nonce))
}

/// The key of a family, for reads of several items at once.
pub(crate) fn family_key(id: Uuid) -> Item {
    id_key(family_id(id))
}

/// That a family proves something at `now`, as [`Family::alive`] says it.
pub(crate) fn stands(now: Timestamp) -> Expression {
    expr("#revoked = :no AND #expires_at > :now")
        .with(":no", aws_sdk_dynamodb::types::AttributeValue::Bool(false))
        .with(":now", number(now.seconds()))
}

/// Access to `sessions`.
#[derive(Clone, Copy, Debug)]
pub struct Sessions<'a>(pub(crate) &'a Store);

impl Sessions<'_> {
    /// Keeps a challenge. `false` when its nonce is taken.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn put_challenge(self, challenge: &Challenge) -> Result<bool, StoreError> {
        Ok(self.0.create(challenge, "id").await?.is_none())
    }

    /// The challenge under `nonce`, which is not spent by this; `None` when there is none or it is over.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn challenge(self, nonce: &str, now: Timestamp) -> Result<Option<Challenge>, StoreError> {
        let challenge: Option<Challenge> = self.0.get(challenge_key(nonce)).await?;
        Ok(challenge.filter(|c| now.seconds() < c.expires_at))
    }

    /// Spends the challenge under `nonce` for nothing. One that is not there is spent already.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn spend_challenge(self, nonce: &str) -> Result<(), StoreError> {
        self.0.take(Table::Sessions, challenge_key(nonce), None).await.map(|_| ())
    }

    /// Keeps a family without a challenge, as tests need it. `false` when its id is taken.
    ///
    /// # Errors
    /// [`StoreError`]
    #[cfg(feature = "testing")]
    pub async fn create_family(self, family: &Family) -> Result<bool, StoreError> {
        Ok(self.0.create(family, "id").await?.is_none())
    }

    /// The family.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn family(self, id: Uuid) -> Result<Option<Family>, StoreError> {
        self.0.get(family_key(id)).await
    }

    /// Those of `ids` that prove something at `now`, read consistently and in parallel. A row that cannot be read proves
    /// nothing.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn alive(self, ids: &[Uuid], now: Timestamp) -> Result<HashSet<Uuid>, StoreError> {
        let keys: Vec<(Table, Item)> = ids.iter().map(|id| (Table::Sessions, family_key(*id))).collect();
        let found = self.0.read_all(&keys).await?;
        let rows = found.into_iter().filter_map(|(_, item)| decode::<Family>(item).ok());
        let alive: HashSet<String> = rows.filter(|family| family.alive(now)).map(|family| family.id).collect();
        Ok(ids.iter().copied().filter(|id| alive.contains(&family_id(*id))).collect())
    }

    /// Uses refresh token number `counter` of the family: the next one is valid then, until `expires`.
    ///
    /// Every use has an id of its own. The write is repeated where its reply was lost, and then finds the token used; the id
    /// tells that it was this use, and not a second one. Where every reply was lost, the row is asked.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn rotate(
        self,
        id: Uuid,
        counter: u64,
        now: Timestamp,
        expires: Timestamp,
    ) -> Result<Rotation, StoreError> {
        let rotation = Uuid::new_v4();
        let change = expr("SET #counter = :next, #rotation = :rotation, #expires_at = :expires")
            .with(":next", number(counter.saturating_add(1)))
            .with(":rotation", string(rotation))
            .with(":expires", number(expires.seconds()));
        let condition = expr("#counter = :counter").with(":counter", number(counter)).and(stands(now));
        match self.0.update(Table::Sessions, family_key(id), &change, Some(&condition)).await {
            Ok(item) => decode(item).map(Rotation::Rotated),
            Err(Refused::Condition(Some(item))) => {
                let family: Family = decode(item)?;
                Ok(match family.alive(now) {
                    true if family.rotation == Some(rotation) => Rotation::Rotated(family),
                    true if family.counter > counter => Rotation::Reused(family),
                    _ => Rotation::Gone,
                })
            }
            Err(Refused::Condition(None)) => Ok(Rotation::Gone),
            // It may have been done: a client that asked again with its token would then seem to be a second one.
            Err(Refused::Store(failed @ StoreError::Failed { .. })) => match self.family(id).await {
                Ok(Some(family)) if family.alive(now) && family.rotation == Some(rotation) => {
                    Ok(Rotation::Rotated(family))
                }
                _ => Err(failed),
            },
            Err(Refused::Store(error)) => Err(error),
        }
    }

    /// Ends a family: none of its tokens is valid any more. An unknown family needs no ending.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn revoke_family(self, id: Uuid) -> Result<(), StoreError> {
        let change = expr("SET #revoked = :yes").with(":yes", aws_sdk_dynamodb::types::AttributeValue::Bool(true));
        match self.0.update(Table::Sessions, family_key(id), &change, Some(&expr("attribute_exists(#id)"))).await {
            Ok(_) | Err(Refused::Condition(_)) => Ok(()),
            Err(Refused::Store(error)) => Err(error),
        }
    }

    /// Ends a family for the reuse of one of its tokens, and tells its user by `notice`: both or neither, and once. A family
    /// that was ended already needs no ending.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn end_reused(self, id: Uuid, notice: &Notification) -> Result<(), StoreError> {
        let yes = aws_sdk_dynamodb::types::AttributeValue::Bool(true);
        let no = aws_sdk_dynamodb::types::AttributeValue::Bool(false);
        let end = Write::Update {
            table: Table::Sessions,
            key: family_key(id),
            change: expr("SET #revoked = :yes").with(":yes", yes),
            condition: expr("#revoked = :no").with(":no", no),
        };
        match self.0.transact(&[end, Write::create(notice, "id")?]).await {
            Ok(()) | Err(Refused::Condition(_)) => Ok(()),
            Err(Refused::Store(error)) => Err(error),
        }
    }

    /// Keeps a ticket. `false` when its secret is taken.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn put_ticket(self, ticket: &Ticket) -> Result<bool, StoreError> {
        Ok(self.0.create(ticket, "id").await?.is_none())
    }

    /// Takes the ticket under `secret`: only one caller ever gets it. `None` when there is none or it is over.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn take_ticket(self, secret: &str, now: Timestamp) -> Result<Option<Ticket>, StoreError> {
        let taken = self.0.take(Table::Sessions, id_key(ticket_id(secret)), None).await?;
        Ok(taken.map(decode::<Ticket>).transpose()?.filter(|t| now.seconds() < t.expires_at))
    }

    /// Keeps what an account promised to hand in, in place of what it promised under the same id before. `false` when that
    /// is another account's.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn put_kyc_draft(self, draft: &KycDraft) -> Result<bool, StoreError> {
        let own = expr("attribute_not_exists(#id) OR #account = :account").with(":account", string(draft.account));
        match self.0.put(Table::Sessions, encode(draft)?, &own).await {
            Ok(()) => Ok(true),
            Err(Refused::Condition(_)) => Ok(false),
            Err(Refused::Store(error)) => Err(error),
        }
    }

    /// What was promised under `submission`, while it can be handed in.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn kyc_draft(self, submission: Uuid, now: Timestamp) -> Result<Option<KycDraft>, StoreError> {
        let draft: Option<KycDraft> = self.0.get(id_key(draft_id(submission))).await?;
        Ok(draft.filter(|draft| now.seconds() < draft.expires_at))
    }
}
