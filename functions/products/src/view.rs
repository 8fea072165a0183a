//! A product as the API shows it.

use descrow_domain::{Account, ProductId, product::Product};
use descrow_ipfs::{ContentId, Gateways};
use serde::Serialize;
use utoipa::ToSchema;

/// A product.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ProductView {
    /// The product's id.
    #[schema(value_type = String, format = "uuid")]
    id: ProductId,
    /// Account of its seller (SS58).
    #[schema(value_type = String)]
    seller: Account,
    /// Title.
    title: String,
    /// Description.
    description: String,
    /// Category.
    category: String,
    /// Price of one piece in DOT, a decimal.
    #[schema(example = "2.5")]
    price_dot: String,
    /// Price of one piece in dollars, a decimal with two digits.
    #[schema(example = "10.50")]
    price_usd: String,
    /// Images, the cover first.
    images: Vec<ImageView>,
    /// CID of the product's metadata as canonical JSON; named on the contract with each order.
    metadata_cid: Option<String>,
    /// Pieces that can still be ordered.
    quantity: u32,
    /// `active`, `inactive` or `sold`.
    #[schema(value_type = String, example = "active")]
    status: descrow_domain::product::ProductStatus,
    /// When it was listed (RFC 3339).
    created_at: String,
    /// When it last changed (RFC 3339).
    updated_at: String,
    /// Rises with each change.
    version: u64,
}

/// An image of a product.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ImageView {
    /// Its CID.
    cid: String,
    /// Where a browser finds it.
    url: String,
}

impl ProductView {
    /// The product with its images at the gateway that browsers are sent to.
    pub fn new(product: &Product, gateways: &Gateways) -> Self {
        let url =
            |cid: &str| cid.parse::<ContentId>().ok().and_then(|cid| gateways.public_url(cid)).unwrap_or_default();
        Self {
            id: product.id,
            seller: product.seller_id,
            title: product.title.as_str().to_owned(),
            description: product.description.as_str().to_owned(),
            category: product.category.as_str().to_owned(),
            price_dot: product.price_dot.to_dot(),
            price_usd: product.price_usd.to_usd(),
            images: product.images.iter().map(|cid| ImageView { cid: cid.clone(), url: url(cid) }).collect(),
            metadata_cid: product.metadata_cid.clone(),
            quantity: product.quantity,
            status: product.status,
            created_at: product.created_at.rfc3339(),
            updated_at: product.updated_at.rfc3339(),
            version: product.version,
        }
    }
}
