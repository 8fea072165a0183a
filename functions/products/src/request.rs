//! What a seller may say of a product, and the rules it must keep.

use std::ops::RangeInclusive;

use descrow_domain::{Planck, UsdCents, product::ProductStatus, text::Text};
use descrow_ipfs::ContentId;
use descrow_web::{Fields, Input, Request};
use serde::Deserialize;
use utoipa::ToSchema;

/// Images a product may have.
const IMAGES: RangeInclusive<usize> = 0..=10;
/// Pieces a product may have.
const MAX_QUANTITY: u64 = 1_000_000;

/// The CID of an uploaded image.
#[derive(ToSchema)]
#[schema(value_type = String, format = "descrow-cid", example = "bafkreigh2akiscaildcqabsyg3dfr6chu3fgpregiymsck7e7aqa4s52zy")]
#[allow(dead_code, reason = "it is there for the document")]
struct ImageCid(String);

/// A product to be listed.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CreateProduct {
    /// 1 to 255 characters.
    #[schema(value_type = String, min_length = 1, max_length = 255, example = "Kitenge bag")]
    title: Input<String>,
    /// At most 5000 characters.
    #[schema(value_type = Option<String>, max_length = 5000, example = "Hand sewn, 40 by 30 cm.")]
    description: Input<String>,
    /// 1 to 100 characters.
    #[schema(value_type = String, min_length = 1, max_length = 100, example = "bags")]
    category: Input<String>,
    /// Price of one piece in DOT: a decimal of at most eight decimals, above zero.
    #[schema(value_type = String, pattern = r"^(?=.*[1-9])[0-9]{1,10}(\.[0-9]{1,8})?$", example = "2.5")]
    price_dot: Input<String>,
    /// Price of one piece in dollars: a decimal of at most two decimals, above zero. Where absent it follows from the rate of the
    /// day, by which it must be 0.01 to 99999999.99.
    #[schema(value_type = Option<String>, pattern = r"^(?=.*[1-9])[0-9]{1,8}(\.[0-9]{1,2})?$", example = "10.50")]
    price_usd: Input<String>,
    /// CIDs of uploaded images (`POST /api/products/upload`), the cover first.
    #[schema(value_type = Option<Vec<ImageCid>>, max_items = 10, example = json!([]))]
    images: Input<Vec<String>>,
    /// Pieces on offer; 1 where absent.
    #[schema(value_type = Option<u64>, minimum = 1, maximum = 1_000_000, example = 3)]
    quantity: Input<u64>,
}

/// A product to be listed, in domain types.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewProduct {
    /// Title.
    pub title: Text<1, 255>,
    /// Description.
    pub description: Text<0, 5000>,
    /// Category.
    pub category: Text<1, 100>,
    /// Price of one piece in DOT.
    pub price_dot: Planck,
    /// Price of one piece in dollars, where the seller fixed it.
    pub price_usd: Option<UsdCents>,
    /// Images, the cover first.
    pub images: Vec<ContentId>,
    /// Pieces.
    pub quantity: u32,
}

impl Request for CreateProduct {
    type Valid = NewProduct;

    fn validate(self, fields: &mut Fields) -> Option<NewProduct> {
        let title = fields.required("title", self.title);
        let description = fields.optional("description", self.description);
        let category = fields.required("category", self.category);
        let price_dot = fields.required_with("priceDot", self.price_dot, dot);
        let price_usd = fields.optional_with("priceUsd", self.price_usd, usd);
        let images = fields.list("images", self.images, IMAGES, str::parse);
        let quantity = fields.number("quantity", self.quantity, 1..=MAX_QUANTITY, Some(1));
        Some(NewProduct {
            title: title?,
            description: match description? {
                Some(description) => description,
                None => "".parse().ok()?,
            },
            category: category?,
            price_dot: price_dot?,
            price_usd: price_usd?,
            images: images?,
            quantity: u32::try_from(quantity?).ok()?,
        })
    }
}

/// What is to change; what is left out stays as it is.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct UpdateProduct {
    /// 1 to 255 characters.
    #[schema(value_type = Option<String>, min_length = 1, max_length = 255, example = "Kitenge bag, large")]
    title: Input<String>,
    /// At most 5000 characters.
    #[schema(value_type = Option<String>, max_length = 5000)]
    description: Input<String>,
    /// 1 to 100 characters.
    #[schema(value_type = Option<String>, min_length = 1, max_length = 100)]
    category: Input<String>,
    /// Price of one piece in DOT. With it and without `priceUsd` the dollar price is set anew at the rate of the day.
    #[schema(value_type = Option<String>, pattern = r"^(?=.*[1-9])[0-9]{1,10}(\.[0-9]{1,8})?$", example = "3")]
    price_dot: Input<String>,
    /// Price of one piece in dollars.
    #[schema(value_type = Option<String>, pattern = r"^(?=.*[1-9])[0-9]{1,8}(\.[0-9]{1,2})?$")]
    price_usd: Input<String>,
    /// CIDs of uploaded images (`POST /api/products/upload`), the cover first; replaces all.
    #[schema(value_type = Option<Vec<ImageCid>>, max_items = 10)]
    images: Input<Vec<String>>,
    /// Pieces on offer; with none left the product is sold.
    #[schema(value_type = Option<u64>, minimum = 0, maximum = 1_000_000)]
    quantity: Input<u64>,
    /// `active` or `inactive`.
    #[schema(value_type = Option<String>, pattern = "^(active|inactive)$", example = "active")]
    status: Input<String>,
}

/// Changes in domain types.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// Title.
    pub title: Option<Text<1, 255>>,
    /// Description.
    pub description: Option<Text<0, 5000>>,
    /// Category.
    pub category: Option<Text<1, 100>>,
    /// Price of one piece in DOT.
    pub price_dot: Option<Planck>,
    /// Price of one piece in dollars.
    pub price_usd: Option<UsdCents>,
    /// Images, the cover first.
    pub images: Option<Vec<ContentId>>,
    /// Pieces.
    pub quantity: Option<u32>,
    /// Whether it is on offer.
    pub status: Option<ProductStatus>,
}

impl Request for UpdateProduct {
    type Valid = Changes;

    fn validate(self, fields: &mut Fields) -> Option<Changes> {
        let title = fields.optional("title", self.title);
        let description = fields.optional("description", self.description);
        let category = fields.optional("category", self.category);
        let price_dot = fields.optional_with("priceDot", self.price_dot, dot);
        let price_usd = fields.optional_with("priceUsd", self.price_usd, usd);
        let images = match &self.images {
            Input::Absent => Some(None),
            _ => fields.list("images", self.images, IMAGES, str::parse).map(Some),
        };
        let quantity = match &self.quantity {
            Input::Absent => Some(None),
            _ => fields.number("quantity", self.quantity, 0..=MAX_QUANTITY, None).map(Some),
        };
        let status = fields.optional_choice("status", self.status, &["active", "inactive"]);
        Some(Changes {
            title: title?,
            description: description?,
            category: category?,
            price_dot: price_dot?,
            price_usd: price_usd?,
            images: images?,
            quantity: quantity?.and_then(|quantity| u32::try_from(quantity).ok()),
            status: status?,
        })
    }
}

/// A price in DOT, above zero.
fn dot(text: &str) -> Result<Planck, String> {
    let price = Planck::from_dot(text).map_err(|error| error.to_string())?;
    if price.0 == 0 { Err("must be more than zero".into()) } else { Ok(price) }
}

/// A price in dollars, above zero.
fn usd(text: &str) -> Result<UsdCents, String> {
    let price = UsdCents::from_usd(text).map_err(|error| error.to_string())?;
    if price.0 == 0 { Err("must be more than zero".into()) } else { Ok(price) }
}
