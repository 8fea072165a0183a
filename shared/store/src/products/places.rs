//! Where a product stands in the indexes: one partition for each combination of filters, sorted by creation and by price.
//!
//! Partitions that many sellers share are sharded, so that none becomes hot; a seller's own are not.

use aws_sdk_dynamodb::types::AttributeValue;
use descrow_domain::{
    Account,
    product::{Product, ProductStatus},
};

use super::ProductList;
use crate::{
    expression::{Expression, expr, string},
    item::{SHARDS, shard},
};

/// The partition keys of the indexes.
const STATUS: &str = "status_shard";
const CATEGORY: &str = "category_shard";
const SELLER: &str = "seller_status";
const SELLER_CATEGORY: &str = "seller_category";

fn status_name(status: ProductStatus) -> &'static str {
    match status {
        ProductStatus::Active => "active",
        ProductStatus::Inactive => "inactive",
        ProductStatus::Sold => "sold",
    }
}

fn status_shard(status: ProductStatus, shard: u8) -> String {
    format!("{}#{shard}", status_name(status))
}

// The category stands last: it is free text, and may hold the separator.
fn category_shard(status: ProductStatus, shard: u8, category: &str) -> String {
    format!("{}#{shard}#{category}", status_name(status))
}

fn seller_status(seller: Account, status: ProductStatus) -> String {
    format!("{seller}#{}", status_name(status))
}

fn seller_category(seller: Account, status: ProductStatus, category: &str) -> String {
    format!("{seller}#{}#{category}", status_name(status))
}

/// Sorts by the price in DOT and is unique: as wide as the largest number of planck.
pub(super) fn price_key(product: &Product) -> String {
    format!("{:039}#{}", product.price_dot.0, product.id.as_uuid().hyphenated())
}

/// The partitions of a product that has `status`, with their columns.
pub(super) fn places(product: &Product, status: ProductStatus) -> [(&'static str, String); 4] {
    let (seller, category, shard) = (product.seller_id, product.category.as_str(), shard(product.id.as_uuid()));
    [
        (STATUS, status_shard(status, shard)),
        (CATEGORY, category_shard(status, shard, category)),
        (SELLER, seller_status(seller, status)),
        (SELLER_CATEGORY, seller_category(seller, status, category)),
    ]
}

/// What an update sets when only the status of a product changes: it moves in every index.
pub(crate) fn moved(product: &Product, status: ProductStatus) -> Expression {
    let change = expr("#status = :product_status").with(":product_status", string(status_name(status)));
    places(product, status).into_iter().fold(change, |change, (column, value)| {
        let name = format!(":{column}");
        change.also(expr(format!("#{column} = {name}")).with(&name, string(value)))
    })
}

/// The indexes by creation and by price that a list is read from, their partition key, and its values.
pub(super) fn sought(
    wanted: &ProductList<'_>,
    statuses: &[ProductStatus],
) -> ((&'static str, &'static str), &'static str, Vec<AttributeValue>) {
    let each = |value: &dyn Fn(ProductStatus) -> String| statuses.iter().map(|s| string(value(*s))).collect();
    let sharded = |value: &dyn Fn(ProductStatus, u8) -> String| {
        statuses.iter().flat_map(|s| (0..SHARDS).map(|n| string(value(*s, n)))).collect()
    };
    match (wanted.seller, wanted.category) {
        (None, None) => (("by_status", "by_status_price"), STATUS, sharded(&status_shard)),
        (None, Some(category)) => {
            let value = |status, shard| category_shard(status, shard, category);
            (("by_category", "by_category_price"), CATEGORY, sharded(&value))
        }
        (Some(seller), None) => {
            (("by_seller", "by_seller_price"), SELLER, each(&|status| seller_status(seller, status)))
        }
        (Some(seller), Some(category)) => {
            let value = |status| seller_category(seller, status, category);
            (("by_seller_category", "by_seller_category_price"), SELLER_CATEGORY, each(&value))
        }
    }
}
