//! The moves of a user's KYC status. Each is one conditional write or transaction, and raises `auth_version`: tokens from before change
//! nothing more.

use descrow_domain::{
    Account,
    audit::AuditEntry,
    kyc::{KycDecision, KycSubmission, KycVerdict},
    notification::Notification,
    user::{KycStatus, User},
};

use super::{Users, account_key, kyc_shard, shard};
use crate::{
    StoreError, Table,
    error::Refused,
    expression::{Expression, expr, number, string},
    item::{attribute, decode, id_key},
    transaction::{Met, Write},
};

/// What became of a submission.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KycSubmitted {
    /// It waits for a decision; the user as it is now. The same submission again is as good.
    Done(Box<User>),
    /// The user's KYC status does not take it, or the account changed since it was begun; the user as it is, if anybody.
    Refused(Option<Box<User>>),
}

/// What became of a decision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KycDecided {
    /// It is made; the user as it is now. The same decision again is as good.
    Done(Box<User>),
    /// This submission does not wait for a decision; the user as it is, if anybody.
    Refused(Option<Box<User>>),
}

impl Users<'_> {
    /// Hands in `submission` for a user who is at `auth_version`, and whose status takes documents.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn submit_kyc(
        self,
        id: &Account,
        submission: &KycSubmission,
        auth_version: u64,
    ) -> Result<KycSubmitted, StoreError> {
        let at = submission.submitted_at;
        let change =
            moved(id, KycStatus::Submitted, at, "#kyc = :kyc").with(":kyc", attribute(Table::Users, submission)?);
        let condition = expr("#kyc_status IN (:pending, :rejected) AND #auth_version = :version")
            .with(":pending", string(KycStatus::Pending.as_str()))
            .with(":rejected", string(KycStatus::Rejected.as_str()))
            .with(":version", number(auth_version));
        match self.0.update(Table::Users, id_key(id), &change, Some(&condition)).await {
            Ok(item) => decode(item).map(|user| KycSubmitted::Done(Box::new(user))),
            Err(Refused::Condition(old)) => {
                let old: Option<User> = old.map(decode).transpose()?;
                Ok(match old.map(Box::new) {
                    Some(user) if waits_with(&user, submission) => KycSubmitted::Done(user),
                    other => KycSubmitted::Refused(other),
                })
            }
            Err(Refused::Store(error)) => Err(error),
        }
    }

    /// Decides on what `user`, as it was read, handed in, if that still waits; with the entry of the audit log, and with what
    /// the user is told.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn decide_kyc(
        self,
        user: &User,
        decision: &KycDecision,
        audit: &AuditEntry,
        notice: &Notification,
    ) -> Result<KycDecided, StoreError> {
        let Some(submission) = &user.kyc else { return Ok(KycDecided::Refused(Some(Box::new(user.clone())))) };
        let status = match decision.verdict {
            KycVerdict::Verified => KycStatus::Verified,
            KycVerdict::Rejected => KycStatus::Rejected,
        };
        let change = moved(&user.id, status, decision.at, "#kyc.#decision = :decision")
            .with(":decision", attribute(Table::Users, decision)?);
        let condition = expr("#kyc_status = :submitted AND #kyc.#id = :submission AND #auth_version = :version")
            .with(":submitted", string(KycStatus::Submitted.as_str()))
            .with(":submission", attribute(Table::Users, &submission.id)?)
            .with(":version", number(user.auth_version));
        let row = Write::Update { table: Table::Users, key: id_key(user.id), change, condition };
        let writes = [row, crate::audit::write(audit)?, Write::create(notice, "id")?];
        let kyc = KycSubmission { decision: Some(decision.clone()), ..submission.clone() };
        match self.0.transact(&writes).await {
            Ok(()) => Ok(KycDecided::Done(Box::new(User {
                kyc_status: status,
                kyc: Some(kyc),
                auth_version: user.auth_version.saturating_add(1),
                updated_at: decision.at,
                ..user.clone()
            }))),
            Err(Refused::Store(error)) => Err(error),
            Err(Refused::Condition(mut cancelled)) => match cancelled.at(0).map(Met::row::<User>).transpose()? {
                Some(Some(now)) if now.kyc.as_ref() == Some(&kyc) => Ok(KycDecided::Done(Box::new(now))),
                Some(now) => Ok(KycDecided::Refused(now.map(Box::new))),
                None => Err(StoreError::Contention(Table::Users)),
            },
        }
    }
}

/// The change to `status` at `at`, with its place in `by_kyc`, and `more`.
fn moved(id: &Account, status: KycStatus, at: descrow_domain::Timestamp, more: &str) -> Expression {
    expr(format!(
        "SET #kyc_status = :status, #kyc_status_shard = :shard, #updated_key = :key, #updated_at = :now, {more} \
         ADD #auth_version :one"
    ))
    .with(":status", string(status.as_str()))
    .with(":shard", string(kyc_shard(status, shard(id))))
    .with(":key", string(account_key(at, id)))
    .with(":now", number(at.0))
    .with(":one", number(1))
}

/// Whether this submission was handed in already, at whatever time.
fn waits_with(user: &User, submission: &KycSubmission) -> bool {
    let asked = |kyc: &KycSubmission| (kyc.id, kyc.full_name.clone(), kyc.documents.clone());
    user.kyc_status == KycStatus::Submitted && user.kyc.as_ref().is_some_and(|kyc| asked(kyc) == asked(submission))
}
