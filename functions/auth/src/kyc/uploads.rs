//! `POST /api/auth/kyc/uploads`: permissions to put documents into the private bucket.
//!
//! The submission's id follows from the account and the documents, so the same request gives the same submission and fresh
//! URLs for the same objects; a change of role or KYC status in between makes it another one.

use std::time::SystemTime;

use axum::{extract::State, http::StatusCode};
use descrow_domain::{
    Account, Timestamp,
    kyc::{self, DocumentFormat, DocumentKind, KycDocument, MAX_DOCUMENT_BYTES, Sha256},
};
use descrow_platform::bucket::UPLOAD_LIFETIME;
use descrow_store::KycDraft;
use descrow_web::{ApiError, Authenticated, Body, Code, Fields, Input, Nested, Reply, Request, UploadHeaders};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::{check_status, promise};
use crate::{Auth, profile::gone};

/// Seconds within which the documents must be handed in.
const DRAFT_LIFETIME: i64 = 24 * 3600;
/// More than there are kinds is refused before each is looked at.
const MOST: usize = DocumentKind::NAMES.len();

/// The documents to be handed in: a passport or both sides of a national id, a selfie, and whatever else helps.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(example = json!({"documents": [
    {"kind": "passport", "contentType": "image/jpeg", "size": 482_113,
        "sha256": "2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae"},
    {"kind": "selfie", "contentType": "image/png", "size": 91_442,
        "sha256": "fcde2b2edba56bf408601fb721fe9b5c338d10ee429ea04fae5511b68fbf8fb9"}]}))]
pub(crate) struct UploadsRequest {
    /// Each of another kind.
    #[schema(value_type = Vec<DocumentRequest>, min_items = 2, max_items = 5)]
    documents: Input<Vec<Input<Nested<DocumentRequest>>>>,
}

/// A document to be handed in.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = KycDocument)]
#[serde(rename_all = "camelCase")]
pub(crate) struct DocumentRequest {
    /// What it shows.
    #[schema(value_type = String, pattern = "^(national_id_front|national_id_back|passport|selfie|proof_of_address)$",
        example = "passport")]
    kind: Input<String>,
    /// Its media type.
    #[schema(value_type = String, pattern = "^(image/(jpeg|png|webp)|application/pdf)$", example = "image/jpeg")]
    content_type: Input<String>,
    /// Its bytes.
    #[schema(value_type = u64, minimum = 1, maximum = 10_485_760, example = 482_113)]
    size: Input<u64>,
    /// The SHA-256 of its content in hex.
    #[schema(value_type = String, pattern = "^[0-9a-fA-F]{64}$",
        example = "2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae")]
    sha256: Input<String>,
}

impl Request for UploadsRequest {
    type Valid = Vec<KycDocument>;

    fn validate(self, fields: &mut Fields) -> Option<Vec<KycDocument>> {
        let wanted = fields.present("documents", self.documents)?;
        if wanted.len() > MOST {
            fields.refuse("documents", format_args!("must have at most {MOST} entries"));
            return None;
        }
        // Every document is read before the first bad one ends it.
        let read: Vec<_> = wanted
            .into_iter()
            .enumerate()
            .map(|(n, document)| fields.nested(&format!("documents[{n}]"), document, DocumentRequest::read))
            .collect();
        let documents: Vec<KycDocument> = read.into_iter().collect::<Option<_>>()?;
        let kinds: Vec<_> = documents.iter().map(|document| document.kind).collect();
        kyc::check_kinds(&kinds).map_err(|error| fields.refuse("documents", error)).ok()?;
        Some(documents)
    }
}

impl DocumentRequest {
    fn read(within: &str, raw: Self, fields: &mut Fields) -> Option<KycDocument> {
        let name = |field: &str| format!("{within}{field}");
        let kind = fields.choice::<DocumentKind>(&name("kind"), raw.kind, &DocumentKind::NAMES);
        let format = fields.choice::<DocumentFormat>(&name("contentType"), raw.content_type, &DocumentFormat::NAMES);
        let size = fields.number(&name("size"), raw.size, 1..=MAX_DOCUMENT_BYTES, None);
        let sha256 = fields.required::<Sha256>(&name("sha256"), raw.sha256);
        Some(KycDocument { kind: kind?, format: format?, size: size?, sha256: sha256? })
    }
}

/// Permissions to upload.
#[derive(Serialize, ToSchema)]
#[schema(as = KycUploads)]
#[serde(rename_all = "camelCase")]
pub(crate) struct UploadsView {
    /// Hand it in at `POST /api/auth/kyc` when every document is uploaded.
    #[schema(format = "uuid")]
    submission_id: String,
    /// Until when the uploads may be begun. Ask again for URLs of the same documents after that.
    #[schema(format = DateTime)]
    expires_at: String,
    /// One for each document.
    uploads: Vec<UploadView>,
}

/// A permission to upload one document, once or again, and nothing else.
#[derive(Serialize, ToSchema)]
#[schema(as = KycUpload)]
pub(crate) struct UploadView {
    /// Which document.
    #[schema(example = "passport")]
    kind: &'static str,
    /// `PUT` the document there, without an access token.
    #[schema(
        format = "uri",
        example = "https://bucket.s3.af-south-1.amazonaws.com/kyc-uploads/5Grw/6f1c/passport?X-Amz-Expires=900&X-Amz-Signature=4f3c"
    )]
    url: String,
    /// Headers to send with it.
    headers: UploadHeaders,
}

/// Begin handing in KYC documents
///
/// Promises documents and gets a URL for each, to which it is uploaded with `PUT` within 15 minutes. The storage takes nothing
/// but the promised type, size and content. The same request again gives the same submission with fresh URLs.
#[utoipa::path(post, path = "/api/auth/kyc/uploads", tag = "auth", operation_id = "beginKyc",
    security(("token" = [])), request_body = UploadsRequest,
    responses(
        (status = 201, description = "Upload the documents there", body = UploadsView),
        (status = 409, description = "`kyc_state`: documents wait for a decision, or were approved")))]
pub(crate) async fn begin(
    State(auth): State<Auth>,
    somebody: Authenticated,
    Body(documents): Body<UploadsRequest>,
) -> Result<Reply, ApiError> {
    let account = somebody.account();
    let (_live, user) = auth.edge.live(somebody, auth.store.users().get(&account)).await?;
    let user = user.ok_or_else(gone)?;
    check_status(&user)?;
    let now = Timestamp::now();
    let id = submission_id(&account, user.auth_version, &documents);
    let clock = SystemTime::now();
    let mut uploads = Vec::with_capacity(documents.len());
    for document in &documents {
        let (key, upload) = promise(document, &account, &id)?;
        let signed = auth.documents.presign_put(&key, &upload, clock).await?;
        uploads.push(UploadView { kind: document.kind.as_str(), url: signed.url, headers: signed.headers.into() });
    }
    let draft = KycDraft::new(id, account, user.auth_version, documents, now.plus_seconds(DRAFT_LIFETIME));
    if !auth.store.sessions().put_kyc_draft(&draft).await? {
        return Err(ApiError::new(Code::KycState, "This submission is somebody else's."));
    }
    let lifetime = i64::try_from(UPLOAD_LIFETIME.as_secs()).unwrap_or(0);
    let expires_at = now.plus_seconds(lifetime).rfc3339();
    let view = UploadsView { submission_id: id.to_string(), expires_at, uploads };
    Reply::ok(&view).map(|reply| reply.with_status(StatusCode::CREATED))
}

fn submission_id(account: &Account, auth_version: u64, documents: &[KycDocument]) -> Uuid {
    let mut name = format!("kyc/{account}/{auth_version}");
    for document in documents {
        let KycDocument { kind, format, size, sha256 } = document;
        name.extend([format!("/{} {} {size} {sha256}", kind.as_str(), format.content_type())]);
    }
    Uuid::new_v5(&Uuid::NAMESPACE_OID, name.as_bytes())
}
