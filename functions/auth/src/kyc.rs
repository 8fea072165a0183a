//! KYC: a user hands in documents, and an admin decides on them.
//!
//! uploads → the client PUTs each document into the private bucket, where it stays for a day → submit, which copies it to where
//! it stays. Names and documents are personal data: they are in the user's row and in the bucket only, and the bucket's keys
//! tell the account and what kind of document it is.

pub(crate) mod submit;
pub(crate) mod uploads;

use descrow_domain::{Account, kyc::KycDocument, user::User};
use descrow_platform::bucket::{ObjectKey, Upload};
use descrow_web::{ApiError, Code};
use uuid::Uuid;

/// Where a document is uploaded, and what S3 is to hold it to.
fn promise(document: &KycDocument, account: &Account, submission: &Uuid) -> Result<(ObjectKey, Upload), ApiError> {
    let key = document.upload_key(account, submission).parse().map_err(ApiError::internal)?;
    let content_type = document.format.content_type().to_owned();
    Ok((key, Upload { content_type, size: document.size, sha256: document.sha256.0 }))
}

/// Only who has nothing waiting or approved may hand in documents.
fn check_status(user: &User) -> Result<(), ApiError> {
    if user.kyc_status.takes_documents() {
        return Ok(());
    }
    Err(ApiError::new(Code::KycState, format!("Your KYC status is {}.", user.kyc_status.as_str())))
}
