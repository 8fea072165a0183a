//! `products`: what is offered.

use descrow_domain::{
    Account, ProductId,
    product::{Product, ProductStatus},
};

mod places;

pub(crate) use places::moved;
use places::{places, price_key, sought};

use crate::{
    IdempotencyRecord, Page, Replaced, Store, StoreError, Table,
    access::based_on,
    error::Refused,
    expression::{expr, string},
    item::{Item, Row, created_key, decode, encode, id_key},
    list::Listing,
    transaction::Write,
};

impl Row for Product {
    const TABLE: Table = Table::Products;

    fn index(&self, item: &mut Item) {
        item.insert("created_key".into(), string(created_key(self.created_at, self.id.as_uuid())));
        item.insert("price_key".into(), string(price_key(self)));
        for (column, value) in places(self, self.status) {
            item.insert(column.to_owned(), string(value));
        }
    }
}

/// Which products to list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProductList<'a> {
    /// Only this seller's.
    pub seller: Option<Account>,
    /// Only with this status. Where there is none: every status of a seller's, else [`ProductStatus::Active`].
    pub status: Option<ProductStatus>,
    /// Only of this category.
    pub category: Option<&'a str>,
    /// What comes first.
    pub sort: ProductSort,
    /// The position that the page before ended at.
    pub position: Option<&'a str>,
    /// At most so many.
    pub limit: usize,
}

/// What comes first in a list of products.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ProductSort {
    /// The one listed last.
    #[default]
    Newest,
    /// The one that costs least, in DOT; of equal prices the one listed first.
    PriceAscending,
    /// The one that costs most: the reverse.
    PriceDescending,
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

    /// A page of products: every filter is a key of an index, so that a page is full unless it is the last, and one round
    /// trip whatever it leaves out.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn list(self, wanted: &ProductList<'_>) -> Result<Page<Product>, StoreError> {
        let statuses = match (wanted.status, wanted.seller) {
            (Some(status), _) => vec![status],
            (None, None) => vec![ProductStatus::Active],
            (None, Some(_)) => vec![ProductStatus::Active, ProductStatus::Inactive, ProductStatus::Sold],
        };
        let (index, partition, values) = sought(wanted, &statuses);
        let (created, price) = index;
        let (index, sort, descending) = match wanted.sort {
            ProductSort::Newest => (created, "created_key", true),
            ProductSort::PriceAscending => (price, "price_key", false),
            ProductSort::PriceDescending => (price, "price_key", true),
        };
        let (position, limit, filter) = (wanted.position, wanted.limit, None);
        let index = Some(index);
        self.0.list(Listing { index, partition, values, sort, descending, position, filter, limit }).await
    }
}
