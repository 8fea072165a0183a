//! `products`: what is offered.

use descrow_domain::{
    Account, ProductId,
    product::{Product, ProductStatus},
};

use crate::{
    IdempotencyRecord, Page, Replaced, Store, StoreError, Table,
    access::based_on,
    error::Refused,
    expression::{expr, string},
    item::{Item, Row, SHARDS, created_key, decode, encode, id_key, shard},
    list::Listing,
    transaction::Write,
};

impl Row for Product {
    const TABLE: Table = Table::Products;

    fn index(&self, item: &mut Item) {
        item.insert("created_key".into(), string(created_key(self.created_at, self.id.as_uuid())));
        item.insert("status_shard".into(), string(status_shard(self.status, shard(self.id.as_uuid()))));
    }
}

/// The partition of `by_status`.
pub(crate) fn status_shard(status: ProductStatus, shard: u8) -> String {
    format!("{}#{shard}", status_name(status))
}

fn status_name(status: ProductStatus) -> &'static str {
    match status {
        ProductStatus::Active => "active",
        ProductStatus::Inactive => "inactive",
        ProductStatus::Sold => "sold",
    }
}

/// Which products to list, newest first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProductList<'a> {
    /// Only this seller's.
    pub seller: Option<Account>,
    /// Only with this status. Without a seller it must be given, and is [`ProductStatus::Active`] where it is not.
    pub status: Option<ProductStatus>,
    /// Only of this category.
    pub category: Option<&'a str>,
    /// The position that the page before ended at.
    pub position: Option<&'a str>,
    /// At most so many.
    pub limit: usize,
}

/// What became of a new product.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Listed {
    /// It is there.
    Done,
    /// The same request was answered before.
    Replay(Box<IdempotencyRecord>),
}

/// Access to `products`.
#[derive(Clone, Copy, Debug)]
pub struct Products<'a>(pub(crate) &'a Store);

impl Products<'_> {
    /// The product.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn get(self, id: ProductId) -> Result<Option<Product>, StoreError> {
        self.0.get(id_key(id)).await
    }

    /// Lists a product. `false` when its id is taken.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn create(self, product: &Product) -> Result<bool, StoreError> {
        Ok(self.0.create(product, "id").await?.is_none())
    }

    /// Lists a product under an id of its own, and keeps the answer to the request in the same transaction.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn create_once(self, product: &Product, record: &IdempotencyRecord) -> Result<Listed, StoreError> {
        let writes = [Write::create(product, "id")?, record.write(product.created_at)?];
        let mut cancelled = match self.0.transact(&writes).await {
            Ok(()) => return Ok(Listed::Done),
            Err(Refused::Store(error)) => return Err(error),
            Err(Refused::Condition(cancelled)) => cancelled,
        };
        if let Some(record) = cancelled.at(1) {
            let record = record.row()?;
            return record.map(|r| Listed::Replay(Box::new(r))).ok_or(StoreError::Contention(Table::Limits));
        }
        Err(StoreError::Contention(Table::Products))
    }

    /// Replaces the product of `next.version - 1` that belongs to the same seller.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn replace(self, next: &Product) -> Result<Replaced<Product>, StoreError> {
        let same_seller = expr("#seller_id = :seller").with(":seller", string(next.seller_id));
        let condition = based_on(next.version.saturating_sub(1)).and(same_seller);
        match self.0.put(Table::Products, encode(next)?, &condition).await {
            Ok(()) => Ok(Replaced::Done),
            Err(Refused::Condition(old)) => match old.map(decode::<Product>).transpose()? {
                Some(old) if old == *next => Ok(Replaced::Done),
                old => Ok(Replaced::Stale(old.map(Box::new))),
            },
            Err(Refused::Store(error)) => Err(error),
        }
    }

    /// A page of products, newest first.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn list(self, wanted: &ProductList<'_>) -> Result<Page<Product>, StoreError> {
        let mut filters = Vec::new();
        if wanted.category.is_some() {
            filters.push("#category = :category");
        }
        let (index, partition, values) = if let Some(seller) = &wanted.seller {
            if wanted.status.is_some() {
                filters.push("#status = :status");
            }
            ("by_seller", "seller_id", vec![string(seller)])
        } else {
            let status = wanted.status.unwrap_or(ProductStatus::Active);
            ("by_status", "status_shard", (0..SHARDS).map(|n| string(status_shard(status, n))).collect())
        };
        let mut filter = (!filters.is_empty()).then(|| expr(filters.join(" AND ")));
        if let Some(category) = wanted.category {
            filter = filter.map(|f| f.with(":category", string(category)));
        }
        if let (Some(status), Some(_)) = (wanted.status, &wanted.seller) {
            filter = filter.map(|f| f.with(":status", string(status_name(status))));
        }
        let (position, limit) = (wanted.position, wanted.limit);
        let listing = Listing {
            index: Some(index),
            partition,
            values,
            sort: "created_key",
            descending: true,
            position,
            filter,
            limit,
        };
        self.0.list(listing).await
    }
}
