//! Images that a seller names for a product: what this service pinned, so that a product never shows content which nobody keeps.
//!
//! That it is pinned says no more than that: whose it is, and that it is a cleaned image, is not looked at again.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use descrow_ipfs::{ContentId, PinError};
use descrow_platform::Deadline;
use descrow_web::ApiError;
use futures_util::future::try_join_all;

use crate::{Products, form::problem};

/// How long the content store may think about one of them.
const TO_ASK: Duration = Duration::from_secs(3);

/// Refuses `images` that the content store does not have; those that the product shows already, `known`, it was asked about
/// before.
///
/// # Errors
/// 400 with every one of them; 502 where the content store does not say.
pub(crate) async fn require_pinned(
    app: &Products,
    images: &[ContentId],
    known: &[String],
    deadline: Deadline,
) -> Result<(), ApiError> {
    let new: BTreeSet<ContentId> = images.iter().copied().filter(|cid| !known.contains(&cid.to_string())).collect();
    let asked = new.into_iter().map(|cid| async move {
        let pinned = app.pins.has(cid, deadline.within(TO_ASK)).await?;
        Ok::<_, PinError>((cid, pinned))
    });
    let pinned: BTreeMap<ContentId, bool> = try_join_all(asked).await?.into_iter().collect();
    let missing = images.iter().enumerate().filter(|(_, cid)| pinned.get(cid) == Some(&false));
    let message = "is not pinned here: upload it with POST /api/products/upload first";
    let problems: Vec<_> = missing.map(|(n, _)| problem(&format!("images[{n}]"), message)).collect();
    if problems.is_empty() { Ok(()) } else { Err(ApiError::validation(problems)) }
}
