//! Images that were uploaded to the bucket.
//!
//! They stay there when they are pinned, until the bucket removes them after a day: whoever never got the answer asks again and
//! gets the same one.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::RangeInclusive,
};

use descrow_domain::{
    Account,
    image::{self, IMAGE_LIMIT},
};
use descrow_platform::Deadline;
use descrow_web::{
    ApiError, Fields, Input, Request,
    uploads::{Unusable, UploadId},
};
use futures_util::{StreamExt, stream};
use serde::Deserialize;
use utoipa::ToSchema;

use crate::{Products, UploadedImage, form::problem, pinned};

/// Images of one request: what fits into the time of an answer.
const IMAGES: RangeInclusive<usize> = 1..=4;
/// Images that are held in memory at the same time: each is there up to three times, as it came, cleaned, and sent.
const AT_ONCE: usize = 2;

/// Images that wait in the bucket.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct StoredUploads {
    /// Ids of uploads of your own, up to four.
    #[schema(value_type = Vec<UploadId>, min_items = 1, max_items = 4,
        example = json!(["b94d27b9934d3e08a52e52d7da7dabfac484efe37a5380ee9088f7ace2efcde9"]))]
    uploads: Input<Vec<String>>,
}

impl Request for StoredUploads {
    type Valid = Vec<UploadId>;

    fn validate(self, fields: &mut Fields) -> Option<Vec<UploadId>> {
        fields.list("uploads", self.uploads, IMAGES, str::parse)
    }
}

/// Pins each distinct upload once, and names every one that cannot be.
///
/// # Errors
/// 400 with all uploads that the client must mend; else what failed first.
pub(crate) async fn pin_all(
    app: &Products,
    seller: Account,
    ids: &[UploadId],
    deadline: Deadline,
) -> Result<Vec<UploadedImage>, ApiError> {
    let distinct: BTreeSet<UploadId> = ids.iter().copied().collect();
    let pins = stream::iter(distinct).map(|id| async move { (id, pin(app, seller, id, deadline).await) });
    let outcomes: Vec<_> = pins.buffered(AT_ONCE).collect().await;
    let (mut images, mut refused, mut failed) = (BTreeMap::new(), BTreeMap::new(), None);
    for (id, outcome) in outcomes {
        match outcome {
            Ok(image) => drop(images.insert(id, image)),
            Err(Unusable::Refused(message)) => drop(refused.insert(id, message)),
            Err(Unusable::Failed(error)) => failed = failed.or(Some(error)),
        }
    }
    let problems =
        ids.iter().enumerate().filter_map(|(n, id)| Some(problem(&format!("uploads[{n}]"), refused.get(id)?)));
    let problems: Vec<_> = problems.collect();
    match failed {
        _ if !problems.is_empty() => Err(ApiError::validation(problems)),
        Some(error) => Err(error),
        None => Ok(ids.iter().filter_map(|id| images.get(id).cloned()).collect()),
    }
}

/// Fetches one upload, holds it to its promise and pins it.
async fn pin(app: &Products, seller: Account, id: UploadId, deadline: Deadline) -> Result<UploadedImage, Unusable> {
    let bytes = id.fetch(&app.bucket, seller, IMAGE_LIMIT, deadline).await?;
    let image = image::clean(&bytes).map_err(|error| Unusable::Refused(error.to_string()))?;
    drop(bytes);
    pinned::pin(app, &image, deadline).await.map_err(Unusable::Failed)
}
