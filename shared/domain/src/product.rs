//! Products: what a seller offers.

use serde::{Deserialize, Serialize};

use crate::{Account, Planck, ProductId, Timestamp, UsdCents, text::Text};

/// Whether a product can be ordered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProductStatus {
    /// On sale.
    Active,
    /// Taken off by its seller; orders that refer to it keep it alive.
    Inactive,
    /// Nothing is left.
    Sold,
}

/// A row of `products`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Product {
    /// The key.
    pub id: ProductId,
    /// Who sells it.
    pub seller_id: Account,
    /// `VARCHAR(255)`.
    pub title: Text<1, 255>,
    /// Free text.
    pub description: Text<0, 5000>,
    /// `VARCHAR(100)`.
    pub category: Text<1, 100>,
    /// `DECIMAL(18,8)` in DOT.
    pub price_dot: Planck,
    /// `DECIMAL(10,2)` in dollars.
    pub price_usd: UsdCents,
    /// CIDs of its images, the first being its cover.
    pub images: Vec<String>,
    /// CID of its metadata as canonical JSON, once pinned.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metadata_cid: Option<String>,
    /// Pieces that can still be ordered.
    pub quantity: u32,
    /// Whether it can be ordered.
    pub status: ProductStatus,
    /// Rises with each change.
    pub version: u64,
    /// When it was listed.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

impl Product {
    /// The product's next version, with `pieces` more to order; one that was sold out is on sale again.
    #[must_use]
    pub fn restocked(&self, pieces: u32, now: Timestamp) -> Self {
        Self {
            quantity: self.quantity.saturating_add(pieces),
            status: if self.status == ProductStatus::Sold { ProductStatus::Active } else { self.status },
            updated_at: now,
            version: self.version.saturating_add(1),
            ..self.clone()
        }
    }
}
