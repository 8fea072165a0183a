//! Content on IPFS: what the parties bring, and the documents that the contract names.
//!
//! Sizes: a Lambda event holds 4 MiB of content, so that larger files come by the bucket, up to 50 MiB. Of those one is in
//! memory twice while it is sent on (100 MiB of the function's 512), and fetching and pinning it takes some seconds of the
//! 28 that an answer may take; an image is there three times while it is cleaned, hence 20 MiB.

use descrow_domain::{
    Account, EvidenceId, OrderId, Timestamp,
    evidence::{
        Evidence,
        content::{CONTENT_LIMIT, Content},
    },
    order::order_ref,
};
use descrow_ipfs::{ContentId, File, canonical_json, pin_once};
use descrow_platform::Deadline;
use descrow_web::{ApiError, uploads::UploadId};
use serde::Serialize;

use crate::{
    Orders,
    exhibit::{Exhibit, Source},
};

/// The contract's name of an order, as documents have it.
pub(crate) fn reference(order: OrderId) -> String {
    format!("0x{}", hex::encode(order_ref(order)))
}

/// Judges what `account` brought and pins it; it is evidence in `order` when its row is written.
pub(crate) async fn evidence(
    app: &Orders,
    order: OrderId,
    account: Account,
    exhibit: Exhibit,
    deadline: Deadline,
) -> Result<Evidence, ApiError> {
    let (field, within) = (exhibit.field(), exhibit.within);
    let content = match exhibit.source {
        Source::Text(bytes) | Source::File(bytes) => publishable(bytes, &field)?,
        Source::Upload(id) => uploaded(app, account, id, &field, deadline).await?,
    };
    let kind = content.format.kind();
    if exhibit.claimed.is_some_and(|claimed| claimed != kind) {
        let message = format!("is {} by its bytes", content.format.media_type());
        return Err(ApiError::field(format!("{within}kind"), message));
    }
    let cid = pin(app, &content, deadline).await?;
    Ok(Evidence {
        id: EvidenceId::new(),
        order_id: order,
        by: account,
        kind,
        description: exhibit.description,
        cid: cid.to_string(),
        size: u64::try_from(content.bytes.len()).unwrap_or(u64::MAX),
        media_type: content.format.media_type().to_owned(),
        created_at: Timestamp::now(),
    })
}

/// What `account` uploaded, judged.
pub(crate) async fn uploaded(
    app: &Orders,
    account: Account,
    id: UploadId,
    field: &str,
    deadline: Deadline,
) -> Result<Content, ApiError> {
    let bytes = id.fetch(&app.bucket, account, CONTENT_LIMIT, deadline).await.map_err(|why| why.at(field))?;
    publishable(bytes, field)
}

fn publishable(bytes: Vec<u8>, field: &str) -> Result<Content, ApiError> {
    Content::publishable(bytes).map_err(|error| ApiError::field(field, error))
}

/// Pins content, unless the content store has it.
pub(crate) async fn pin(app: &Orders, content: &Content, deadline: Deadline) -> Result<ContentId, ApiError> {
    let name = format!("{}.{}", ContentId::of(&content.bytes), content.format.extension());
    let file = File { name: &name, media_type: content.format.media_type(), bytes: &content.bytes };
    Ok(pin_once(app.pins.as_ref(), file, deadline).await?)
}

/// Pins a document.
pub(crate) async fn pin_document(
    app: &Orders,
    name: &str,
    document: &impl Serialize,
    deadline: Deadline,
) -> Result<ContentId, ApiError> {
    let bytes = canonical_json(document).map_err(ApiError::internal)?;
    let file = File { name, media_type: "application/json", bytes: &bytes };
    Ok(app.pins.pin(file, deadline).await?)
}
