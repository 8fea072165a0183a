//! `GET /api/admin/users` and `GET /api/admin/users/{id}`: who is registered, and what a user handed in to prove who it is.
//!
//! Names and documents are personal data: the list has none of them, and only a standing session gets a user's own page. Its
//! links to documents end after minutes.

use std::time::{Duration, SystemTime};

use axum::extract::State;
use descrow_domain::{
    Account, Msisdn, Timestamp,
    kyc::{KycDecision, KycDocument, KycSubmission, KycVerdict},
    user::{KycStatus, User},
};
use descrow_platform::bucket::{Bucket, READING_LIFETIME};
use descrow_web::{Admin, ApiError, Fields, Id, Input, List, Page, Reply, Request};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::Office;

/// Which users to list.
#[derive(Debug, Deserialize)]
pub(crate) struct Filter {
    #[serde(rename = "kycStatus")]
    kyc_status: Input<String>,
}

impl Request for Filter {
    type Valid = Option<KycStatus>;

    fn validate(self, fields: &mut Fields) -> Option<Option<KycStatus>> {
        fields.optional_choice("kycStatus", self.kyc_status, &KycStatus::ALL.map(KycStatus::as_str))
    }
}

/// A user in a list.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct AdminUser {
    /// The account (SS58).
    #[schema(value_type = String, example = "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY")]
    id: Account,
    /// `buyer`, `seller` or `admin`.
    #[schema(example = "seller")]
    role: &'static str,
    /// `pending`, `submitted`, `verified` or `rejected`.
    #[schema(example = "submitted")]
    kyc_status: &'static str,
    /// When the last documents were handed in (RFC 3339).
    submitted_at: Option<String>,
    /// When an admin decided on them (RFC 3339); `null` while they wait.
    decided_at: Option<String>,
    /// When the account registered (RFC 3339).
    created_at: String,
    /// When the user last changed (RFC 3339).
    updated_at: String,
}

/// A user with what an admin needs to decide on its identity.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct AdminUserDetails {
    /// The account (SS58).
    #[schema(value_type = String, example = "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY")]
    id: Account,
    /// `buyer`, `seller` or `admin`.
    #[schema(example = "seller")]
    role: &'static str,
    /// `pending`, `submitted`, `verified` or `rejected`.
    #[schema(example = "submitted")]
    kyc_status: &'static str,
    /// How the user wants to be called.
    #[schema(example = "Amina's bags")]
    display_name: Option<String>,
    /// The number for M-Pesa, masked.
    phone_number: Option<String>,
    /// Contact address.
    #[schema(example = "amina@example.com")]
    email: Option<String>,
    /// What was handed in last; `null` where nothing was.
    kyc: Option<AdminSubmission>,
    /// When the account registered (RFC 3339).
    created_at: String,
    /// When the user last changed (RFC 3339).
    updated_at: String,
}

/// What a user handed in.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct AdminSubmission {
    /// Its id.
    #[schema(format = "uuid")]
    submission_id: String,
    /// Whom the documents are said to show.
    #[schema(example = "Amina Wanjiru")]
    full_name: String,
    /// The documents.
    documents: Vec<AdminDocument>,
    /// When it was handed in (RFC 3339).
    submitted_at: String,
    /// What an admin made of it; `null` while it waits.
    decision: Option<AdminKycDecision>,
}

/// A document.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct AdminDocument {
    /// What it shows.
    #[schema(example = "passport")]
    kind: &'static str,
    /// Its media type.
    content_type: &'static str,
    /// Its bytes.
    size: u64,
    /// Where to read it, for whoever has this link; `null` once it is decided on.
    #[schema(example = "https://bucket.s3.af-south-1.amazonaws.com/kyc/…?X-Amz-Signature=…")]
    url: Option<String>,
    /// Until when the link can be followed (RFC 3339).
    url_expires_at: Option<String>,
}

/// A decision on documents.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct AdminKycDecision {
    /// `verified` or `rejected`.
    #[schema(example = "rejected")]
    status: &'static str,
    /// Why; a rejection has a reason.
    #[schema(example = "The picture is blurred.")]
    reason: Option<String>,
    /// The admin.
    #[schema(value_type = String)]
    by: Account,
    /// When (RFC 3339).
    at: String,
}

impl From<&User> for AdminUser {
    fn from(user: &User) -> Self {
        let kyc = user.kyc.as_ref();
        let decision = kyc.and_then(|kyc| kyc.decision.as_ref());
        Self {
            id: user.id,
            role: user.role.as_str(),
            kyc_status: user.kyc_status.as_str(),
            submitted_at: kyc.map(|kyc| kyc.submitted_at.rfc3339()),
            decided_at: decision.map(|decision| decision.at.rfc3339()),
            created_at: user.created_at.rfc3339(),
            updated_at: user.updated_at.rfc3339(),
        }
    }
}

impl From<&KycDecision> for AdminKycDecision {
    fn from(decision: &KycDecision) -> Self {
        Self {
            status: match decision.verdict {
                KycVerdict::Verified => KycStatus::Verified.as_str(),
                KycVerdict::Rejected => KycStatus::Rejected.as_str(),
            },
            reason: decision.reason.as_ref().map(|reason| reason.as_str().to_owned()),
            by: decision.by,
            at: decision.at.rfc3339(),
        }
    }
}

impl AdminUserDetails {
    /// The user, with links to the documents that wait for a decision.
    pub(crate) async fn of(user: &User, bucket: &Bucket, now: SystemTime) -> Result<Self, ApiError> {
        let kyc = match &user.kyc {
            Some(submission) => Some(AdminSubmission::of(user, submission, bucket, now).await?),
            None => None,
        };
        Ok(Self {
            id: user.id,
            role: user.role.as_str(),
            kyc_status: user.kyc_status.as_str(),
            display_name: user.display_name.as_ref().map(|name| name.as_str().to_owned()),
            phone_number: user.phone.as_ref().map(Msisdn::masked),
            email: user.email.as_ref().map(|email| email.as_str().to_owned()),
            kyc,
            created_at: user.created_at.rfc3339(),
            updated_at: user.updated_at.rfc3339(),
        })
    }
}

impl AdminSubmission {
    async fn of(user: &User, handed_in: &KycSubmission, bucket: &Bucket, now: SystemTime) -> Result<Self, ApiError> {
        let waits = user.kyc_status == KycStatus::Submitted;
        let mut documents = Vec::new();
        for document in &handed_in.documents {
            let link = if waits { Some(link(user, handed_in, document, bucket, now).await?) } else { None };
            let (url, url_expires_at) = link.unzip();
            let (kind, content_type) = (document.kind.as_str(), document.format.content_type());
            documents.push(AdminDocument { kind, content_type, size: document.size, url, url_expires_at });
        }
        Ok(Self {
            submission_id: handed_in.id.to_string(),
            full_name: handed_in.full_name.as_str().to_owned(),
            documents,
            submitted_at: handed_in.submitted_at.rfc3339(),
            decision: handed_in.decision.as_ref().map(AdminKycDecision::from),
        })
    }
}

/// A link to a document, and until when it is good.
async fn link(
    user: &User,
    handed_in: &KycSubmission,
    document: &KycDocument,
    bucket: &Bucket,
    now: SystemTime,
) -> Result<(String, String), ApiError> {
    let key = document.key(&user.id, &handed_in.id).parse().map_err(ApiError::internal)?;
    let url = bucket.presign_get(&key, now).await.map_err(ApiError::internal)?;
    let ends = now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or(Duration::ZERO).saturating_add(READING_LIFETIME);
    let ends = i64::try_from(ends.as_secs()).unwrap_or(i64::MAX);
    Ok((url, Timestamp(ends.saturating_mul(1000)).rfc3339()))
}

/// Lists the users, the one registered last first; with a KYC status those who have it longest first.
#[utoipa::path(get, path = "/api/admin/users", tag = "admin", security(("token" = [])),
    params(
        ("limit" = Option<u32>, Query, minimum = 1, maximum = 100, description = "Entries of a page; 20 where absent."),
        ("cursor" = Option<String>, Query, description = "`nextCursor` of the page before."),
        ("kycStatus" = Option<String>, Query, pattern = "^(pending|submitted|verified|rejected)$", example = "submitted", description = "Only with this KYC status."),
    ),
    responses((status = 200, description = "A page of users", body = List<AdminUser>)))]
pub(crate) async fn users(State(app): State<Office>, _admin: Admin, page: Page<Filter>) -> Result<Reply, ApiError> {
    let position: Option<String> = page.position()?;
    let limit = usize::try_from(page.limit).unwrap_or(usize::MAX);
    let (users, position) = (app.store.users(), position.as_deref());
    let found = match page.filter {
        Some(status) => users.list_by_kyc(status, position, limit).await?,
        None => users.list(position, limit).await?,
    };
    Reply::ok(&page.list(found.items.iter().map(AdminUser::from).collect(), found.next)?)
}

/// Shows a user, with links to the documents that wait for a decision.
#[utoipa::path(get, path = "/api/admin/users/{id}", tag = "admin", security(("token" = [])),
    params(("id" = String, Path, format = "descrow-account", example = "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY", description = "The user's account.")),
    responses((status = 200, description = "The user", body = AdminUserDetails),
        (status = 401, description = "`session_revoked` or `session_outdated`, too: documents are for a standing session")))]
pub(crate) async fn user(State(app): State<Office>, admin: Admin, Id(id): Id<Account>) -> Result<Reply, ApiError> {
    let (_live, user) = app.edge.live(admin, app.store.users().get(&id)).await?;
    let user = user.ok_or_else(ApiError::not_found)?;
    Reply::ok(&AdminUserDetails::of(&user, &app.documents, SystemTime::now()).await?)
}
