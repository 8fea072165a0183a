//! `PUT /api/admin/users/{id}/kyc`: whether a user's documents convinced.
//!
//! The decision raises the user's `auth_version`, so a token from before changes nothing more: it binds the user's very next
//! request.

use std::time::SystemTime;

use axum::extract::State;
use descrow_domain::{
    Account, Timestamp,
    audit::{AuditAction, AuditEntry},
    kyc::{KycDecision, KycSubmission, KycVerdict},
    notification::{Change, MessagePart, Notification, NotificationKind},
    text::Text,
    user::{KycStatus, User},
};
use descrow_store::KycDecided;
use descrow_web::{Admin, ApiError, Body, Code, Fields, Id, Input, Reply, Request};
use serde::Deserialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{Office, impartial, users::AdminUserDetails};

/// A decision on a user's documents.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct DecideKyc {
    /// `verified` or `rejected`.
    #[schema(value_type = String, pattern = "^(verified|rejected)$", example = "rejected")]
    status: Input<String>,
    /// Why: the user reads it. A rejection must have one.
    #[schema(value_type = Option<String>, min_length = 1, max_length = 500, example = "The picture is blurred.")]
    reason: Input<String>,
    /// The submission that was looked at: where the user handed in another one meanwhile, nothing is decided.
    #[schema(value_type = String, format = "uuid", example = "6f1c0a6f-3c4b-5e8a-9d2c-3b4a596877aa")]
    submission_id: Input<String>,
}

/// A decision, in domain types.
#[derive(Clone, Debug)]
pub(crate) struct Wanted {
    verdict: KycVerdict,
    reason: Option<Text<1, 500>>,
    submission: Uuid,
}

impl Request for DecideKyc {
    type Valid = Wanted;

    fn validate(self, fields: &mut Fields) -> Option<Wanted> {
        let verdict = fields.choice("status", self.status, &["verified", "rejected"]);
        let reason = fields.optional("reason", self.reason);
        let submission = fields.required_with("submissionId", self.submission_id, |text| {
            Uuid::try_parse(text).map_err(|_| "must be a UUID")
        });
        if (&verdict, &reason) == (&Some(KycVerdict::Rejected), &Some(None)) {
            fields.refuse("reason", "is required for a rejection");
        }
        Some(Wanted { verdict: verdict?, reason: reason?, submission: submission? })
    }
}

/// Decides on a user's documents.
///
/// It binds at once: the user's access tokens from before change nothing more. The same decision again has the same answer.
#[utoipa::path(put, path = "/api/admin/users/{id}/kyc", tag = "admin", security(("token" = [])),
    params(("id" = String, Path, format = "descrow-account", example = "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY", description = "The user's account.")),
    request_body = DecideKyc,
    responses((status = 200, description = "Decided", body = AdminUserDetails),
        (status = 403, description = "`wrong_role`: not an admin, or the admin's own documents"),
        (status = 409, description = "`kyc_state`: these documents do not wait for a decision")))]
pub(crate) async fn decide_kyc(
    State(app): State<Office>,
    admin: Admin,
    Id(id): Id<Account>,
    Body(wanted): Body<DecideKyc>,
) -> Result<Reply, ApiError> {
    let (admin, user) = app.edge.live(admin, app.store.users().get(&id)).await?;
    let user = user.ok_or_else(ApiError::not_found)?;
    impartial(admin.account(), &[user.id])?;
    let user = if is_decided_so(&user, &wanted, admin.account()) {
        user
    } else {
        check(&user, &wanted)?;
        let now = Timestamp::now();
        let Wanted { verdict, reason, .. } = wanted.clone();
        let decision = KycDecision { verdict, reason, by: admin.account(), at: now };
        let (entry, notice) = (entry(&user, &decision), notice(&user, &decision));
        match app.store.users().decide_kyc(&user, &decision, &entry, &notice).await? {
            KycDecided::Done(user) => {
                tracing::info!(action = ?entry.action, "admin.kyc_decided");
                *user
            }
            KycDecided::Refused(Some(user)) if is_decided_so(&user, &wanted, admin.account()) => *user,
            KycDecided::Refused(Some(user)) => return Err(refused(&user)),
            KycDecided::Refused(None) => return Err(ApiError::not_found()),
        }
    };
    Reply::ok(&AdminUserDetails::of(&user, &app.documents, SystemTime::now()).await?)
}

/// Whether `admin` decided just this before.
fn is_decided_so(user: &User, wanted: &Wanted, admin: Account) -> bool {
    let meant = |kyc: &&KycSubmission| wanted.submission == kyc.id;
    let decision = user.kyc.as_ref().filter(meant).and_then(|kyc| kyc.decision.as_ref());
    decision.is_some_and(|made| made.verdict == wanted.verdict && made.reason == wanted.reason && made.by == admin)
}

/// Only what waits, and only what the admin looked at, is decided on.
fn check(user: &User, wanted: &Wanted) -> Result<(), ApiError> {
    let meant = |kyc: &KycSubmission| wanted.submission == kyc.id;
    if user.kyc_status == KycStatus::Submitted && user.kyc.as_ref().is_some_and(meant) {
        return Ok(());
    }
    Err(refused(user))
}

fn refused(user: &User) -> ApiError {
    let message = match user.kyc_status {
        KycStatus::Submitted => "The user handed in other documents meanwhile. Look at those.".to_owned(),
        status => format!("Nothing waits for a decision: the user's KYC status is {}.", status.as_str()),
    };
    ApiError::new(Code::KycState, message)
}

fn entry(user: &User, decision: &KycDecision) -> AuditEntry {
    let action = match decision.verdict {
        KycVerdict::Verified => AuditAction::ApproveKyc,
        KycVerdict::Rejected => AuditAction::RejectKyc,
    };
    let reason = decision.reason.as_ref().map(Text::as_str);
    let entry = AuditEntry::new(decision.by, action, format!("users/{}", user.id), reason, decision.at);
    match &user.kyc {
        Some(submission) => entry.with("submission", &submission.id),
        None => entry,
    }
}

/// What the user is told. Why is in the profile, not on a lock screen.
fn notice(user: &User, decision: &KycDecision) -> Notification {
    let row = format!("users/{}", user.id);
    let change = Change { at: decision.at, version: user.auth_version.saturating_add(1), row: &row };
    let (title, message) = match decision.verdict {
        KycVerdict::Verified => ("Your identity is verified", "Your documents were accepted. Refresh your session."),
        KycVerdict::Rejected => {
            ("Your documents were not accepted", "Your profile says why. You can hand in others. Refresh your session.")
        }
    };
    Notification {
        user_id: user.id,
        id: change.id(&user.id, MessagePart::Notification),
        kind: NotificationKind::Kyc,
        order_id: None,
        title: title.to_owned(),
        message: message.to_owned(),
        read: false,
        created_at: decision.at,
    }
}
