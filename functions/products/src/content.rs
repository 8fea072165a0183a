//! A product's metadata on IPFS.

use descrow_domain::product::Product;
use descrow_ipfs::{ContentId, File, PinService, canonical_json};
use descrow_platform::Deadline;
use descrow_web::ApiError;
use serde::Serialize;

/// What is published of a product: what the parties of an order agreed on, and nothing that changes with each sale.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Metadata<'a> {
    version: u32,
    product: String,
    seller: String,
    title: &'a str,
    description: &'a str,
    category: &'a str,
    price_dot: String,
    price_usd: String,
    images: &'a [String],
}

/// The version of the metadata's shape.
const VERSION: u32 = 1;

/// Pins the product's metadata as canonical JSON, unless it is what its row names already.
///
/// # Errors
/// 502 where the content store failed.
pub(crate) async fn pin_metadata(
    product: &Product,
    pins: &dyn PinService,
    deadline: Deadline,
) -> Result<ContentId, ApiError> {
    let metadata = Metadata {
        version: VERSION,
        product: product.id.to_string(),
        seller: product.seller_id.to_string(),
        title: product.title.as_str(),
        description: product.description.as_str(),
        category: product.category.as_str(),
        price_dot: product.price_dot.to_dot(),
        price_usd: product.price_usd.to_usd(),
        images: &product.images,
    };
    let bytes = canonical_json(&metadata).map_err(ApiError::internal)?;
    let cid = ContentId::of(&bytes);
    if product.metadata_cid.as_deref() == Some(cid.to_string().as_str()) {
        return Ok(cid);
    }
    let name = format!("product-{}.json", product.id);
    let file = File { name: &name, media_type: "application/json", bytes: &bytes };
    Ok(pins.pin(file, deadline).await?)
}
