//! `PUT /api/products/{id}`: a seller changes a product of its own.
//!
//! Round trips: session, quota, product and rates together; then, its metadata being pinned anew where it changed, the row.

use axum::extract::State;
use descrow_domain::{
    Account, ProductId, Timestamp,
    product::{Product, ProductStatus},
    rates::CurrentRates,
};
use descrow_store::{Replaced, Wanted};
use descrow_web::{ApiError, Body, Code, Id, Reply, RequestInfo, Seller};

use crate::{
    Changes, ProductView, Products, UpdateProduct, content::pin_metadata, dollars::dollars, images::require_pinned,
};

/// Changes a product of your own.
///
/// What is left out stays as it is. Orders that exist keep the title and the price they were made with.
#[utoipa::path(put, path = "/api/products/{id}", tag = "products", security(("token" = [])),
    params(("id" = String, Path, format = "uuid", description = "The product's id.")),
    request_body = UpdateProduct,
    responses((status = 200, description = "Changed", body = ProductView),
        (status = 409, description = "`version_conflict`: it was changed or ordered at the same time"),
        (status = 502, description = "`content_service_error`: the content store failed"),
        (status = 503, description = "`rates_unavailable`: no rates to price it by, or they are old or jumped")))]
pub(crate) async fn update(
    State(app): State<Products>,
    seller: Seller,
    Id(id): Id<ProductId>,
    info: RequestInfo,
    Body(changes): Body<UpdateProduct>,
) -> Result<Reply, ApiError> {
    let rates = changes.price_dot.is_some() && changes.price_usd.is_none() && app.pricing.needs_row();
    let wanted = Wanted { product: Some(id), rates, ..Wanted::default() };
    let (seller, found) = app.edge.live(seller, app.store.read_together(&wanted)).await?;
    let product = own(found.product, seller.account())?;
    if let Some(images) = &changes.images {
        require_pinned(&app, images, &product.images, info.deadline()).await?;
    }
    let mut next = changed(&app, product, changes, found.rates.as_ref())?;
    let cid = pin_metadata(&next, app.pins.as_ref(), info.deadline()).await?;
    next.metadata_cid = Some(cid.to_string());
    save(&app, next).await.and_then(|product| Reply::ok(&ProductView::new(&product, &app.gateways)))
}

/// The product, where it is `seller`'s: to everybody else there is nothing to change.
pub(crate) fn own(product: Option<Product>, seller: Account) -> Result<Product, ApiError> {
    product.filter(|product| product.seller_id == seller).ok_or_else(ApiError::not_found)
}

/// Replaces the product by its next version.
pub(crate) async fn save(app: &Products, next: Product) -> Result<Product, ApiError> {
    let replaced = app.store.products().replace(&next).await;
    app.cache.forget(next.id);
    match replaced? {
        Replaced::Done => Ok(next),
        Replaced::Stale(_) => Err(ApiError::new(
            Code::VersionConflict,
            "The product was changed or ordered at the same time. Read it again.",
        )),
    }
}

fn changed(
    app: &Products,
    mut product: Product,
    changes: Changes,
    rates: Option<&CurrentRates>,
) -> Result<Product, ApiError> {
    if let (Some(price), None) = (changes.price_dot, changes.price_usd) {
        product.price_usd = dollars(app, price, rates)?;
    }
    product.title = changes.title.unwrap_or(product.title);
    product.description = changes.description.unwrap_or(product.description);
    product.category = changes.category.unwrap_or(product.category);
    product.price_dot = changes.price_dot.unwrap_or(product.price_dot);
    product.price_usd = changes.price_usd.unwrap_or(product.price_usd);
    if let Some(images) = changes.images {
        product.images = images.iter().map(ToString::to_string).collect();
    }
    product.quantity = changes.quantity.unwrap_or(product.quantity);
    product.status = match (changes.status.unwrap_or(product.status), product.quantity) {
        (ProductStatus::Inactive, _) => ProductStatus::Inactive,
        (_, 0) => ProductStatus::Sold,
        (ProductStatus::Active | ProductStatus::Sold, _) => ProductStatus::Active,
    };
    product.version = product.version.saturating_add(1);
    product.updated_at = Timestamp::now();
    Ok(product)
}
