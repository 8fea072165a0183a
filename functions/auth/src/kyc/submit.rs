//! `POST /api/auth/kyc`: the uploaded documents wait for an admin.

use axum::extract::State;
use descrow_domain::{
    Account, Timestamp,
    kyc::{DocumentFormat, FullName, KycDocument, KycSubmission},
    user::{KycStatus, User},
};
use descrow_platform::{Deadline, bucket::Bucket};
use descrow_store::KycSubmitted;
use descrow_web::{ApiError, Authenticated, Body, Code, FieldProblem, Fields, Input, Reply, Request, RequestInfo};
use futures_util::future::{try_join, try_join_all};
use serde::Deserialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{check_status, promise};
use crate::{Auth, profile::gone, user::UserView};

/// As many bytes tell a document's format.
const MAGIC: usize = 16;
/// What is wrong with a document that is not there.
const MISSING: &str = "is not uploaded";

/// A submission whose documents are uploaded.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SubmitRequest {
    /// What `POST /api/auth/kyc/uploads` answered.
    #[schema(value_type = String, format = "uuid", example = "6f1c0a6f-3c4b-5e8a-9d2c-3b4a596877aa")]
    submission_id: Input<String>,
    /// The user's name as the identity document has it.
    #[schema(value_type = String, min_length = 1, max_length = 200, example = "Amina Wanjiru")]
    full_name: Input<String>,
}

/// A submission as asked for.
#[derive(Debug)]
pub(crate) struct Wanted {
    id: Uuid,
    full_name: FullName,
}

impl Request for SubmitRequest {
    type Valid = Wanted;

    fn validate(self, fields: &mut Fields) -> Option<Wanted> {
        let id = fields.required_with("submissionId", self.submission_id, |text| {
            Uuid::try_parse(text).map_err(|_| "must be a UUID")
        });
        let full_name = fields.required("fullName", self.full_name);
        Some(Wanted { id: id?, full_name: full_name? })
    }
}

/// Hand in KYC documents
///
/// Every promised document must be uploaded. The profile's `kycStatus` is `submitted` then, until an admin decides. Refresh the
/// access token afterwards: the old one changes nothing more. The same request again has the same answer.
#[utoipa::path(post, path = "/api/auth/kyc", tag = "auth", operation_id = "submitKyc",
    security(("token" = [])), request_body = SubmitRequest,
    responses(
        (status = 200, description = "The documents wait for a decision", body = UserView),
        (status = 404, description = "`not_found`: there is no such submission of this user, or its time is over"),
        (status = 409, description = "`kyc_documents`: one is missing or not what was promised; `kyc_state`: others wait or were approved")))]
pub(crate) async fn submit(
    State(auth): State<Auth>,
    somebody: Authenticated,
    info: RequestInfo,
    Body(wanted): Body<SubmitRequest>,
) -> Result<Reply, ApiError> {
    let (account, now) = (somebody.account(), Timestamp::now());
    let read = try_join(auth.store.users().get(&account), auth.store.sessions().kyc_draft(wanted.id, now));
    let (_live, (user, draft)) = auth.edge.live(somebody, read).await?;
    let user = user.ok_or_else(gone)?;
    if is_waiting(&user, &wanted) {
        return Reply::ok(&UserView::from(&user));
    }
    let draft = draft.filter(|draft| draft.account == account).ok_or_else(ApiError::not_found)?;
    check_status(&user)?;
    if draft.auth_version != user.auth_version {
        return Err(begin_again());
    }
    check_documents(&auth.documents, &account, &wanted.id, &draft.documents, info.deadline()).await?;
    // Before the row says that they are there. Copied twice is copied once.
    keep_documents(&auth.documents, &account, &wanted.id, &draft.documents, info.deadline()).await?;
    let submission = KycSubmission {
        id: wanted.id,
        full_name: wanted.full_name,
        documents: draft.documents,
        submitted_at: now,
        decision: None,
    };
    match auth.store.users().submit_kyc(&account, &submission, user.auth_version).await? {
        KycSubmitted::Done(user) => {
            tracing::info!("auth.kyc_submitted");
            Reply::ok(&UserView::from(&*user))
        }
        KycSubmitted::Refused(Some(user)) => Err(check_status(&user).err().unwrap_or_else(begin_again)),
        KycSubmitted::Refused(None) => Err(gone()),
    }
}

fn begin_again() -> ApiError {
    ApiError::new(Code::KycState, "Your account changed since these uploads were begun. Begin again.")
}

/// Whether the user handed in just this before.
fn is_waiting(user: &User, wanted: &Wanted) -> bool {
    let same = |kyc: &KycSubmission| kyc.id == wanted.id && kyc.full_name == wanted.full_name;
    user.kyc_status == KycStatus::Submitted && user.kyc.as_ref().is_some_and(same)
}

/// Every document is uploaded as it was promised, and begins as its format does; all at once.
async fn check_documents(
    bucket: &Bucket,
    account: &Account,
    submission: &Uuid,
    documents: &[KycDocument],
    deadline: Deadline,
) -> Result<(), ApiError> {
    let checks = documents.iter().map(|document| async move {
        let (key, upload) = promise(document, account, submission)?;
        let both = try_join(bucket.head(&key, deadline), bucket.start_of(&key, MAGIC, deadline));
        let problem = match both.await? {
            (Some(stored), Some(start)) if stored.keeps(&upload) => (DocumentFormat::of(&start)
                != Some(document.format))
            .then(|| format!("is not a file of type {}", upload.content_type)),
            (Some(_), Some(_)) => Some("is not what was promised".to_owned()),
            _ => Some(MISSING.to_owned()),
        };
        Ok::<_, ApiError>(problem.map(|message| of(document, message)))
    });
    demand(try_join_all(checks).await?)
}

/// Copies every document to where it stays; all at once.
async fn keep_documents(
    bucket: &Bucket,
    account: &Account,
    submission: &Uuid,
    documents: &[KycDocument],
    deadline: Deadline,
) -> Result<(), ApiError> {
    let copies = documents.iter().map(|document| async move {
        let (from, _) = promise(document, account, submission)?;
        let to = document.key(account, submission).parse().map_err(ApiError::internal)?;
        let copied = bucket.copy(&from, &to, deadline).await?;
        Ok::<_, ApiError>((!copied).then(|| of(document, MISSING.to_owned())))
    });
    demand(try_join_all(copies).await?)
}

fn of(document: &KycDocument, message: String) -> FieldProblem {
    FieldProblem { field: document.kind.as_str().to_owned(), message }
}

fn demand(problems: Vec<Option<FieldProblem>>) -> Result<(), ApiError> {
    let problems: Vec<_> = problems.into_iter().flatten().collect();
    if problems.is_empty() {
        return Ok(());
    }
    Err(ApiError::with_details(Code::KycDocuments, "Upload the documents listed in details.", problems))
}
