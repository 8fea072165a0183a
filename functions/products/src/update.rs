//! `PUT /api/products/{id}`: a seller changes a product of its own.
//!
//! Round trips: session, quota and product together; then, its metadata being pinned anew where it changed, the row.

use axum::extract::State;
use descrow_domain::{
    Account, ProductId, Timestamp,
    product::{Product, ProductStatus},
    rates::dot_to_usd,
};
use descrow_store::Replaced;
use descrow_web::{ApiError, Body, Code, Id, Reply, RequestInfo, Seller};

use crate::{Changes, ProductView, Products, UpdateProduct, content::pin_metadata};

/// Changes a product of your own.
///
/// What is left out stays as it is. Orders that exist keep the title and the price they were made with.
#[utoipa::path(put, path = "/api/products/{id}", tag = "products", security(("token" = [])),
    params(("id" = String, Path, format = "uuid", description = "The product's id.")),
    request_body = UpdateProduct,
    responses((status = 200, description = "Changed", body = ProductView),
        (status = 409, description = "It was changed or ordered at the same time"),
        (status = 502, description = "The content store failed")))]
pub(crate) async fn update(
    State(app): State<Products>,
    seller: Seller,
    Id(id): Id<ProductId>,
    info: RequestInfo,
    Body(changes): Body<UpdateProduct>,
) -> Result<Reply, ApiError> {
    let products = app.store.products();
    let (seller, product) = app.edge.live(seller, products.get(id)).await?;
    let product = own(product, seller.account())?;
    let mut next = changed(&app, product.clone(), changes)?;
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
    match app.store.products().replace(&next).await? {
        Replaced::Done => Ok(next),
        Replaced::Stale(_) => Err(ApiError::new(
            Code::VersionConflict,
            "The product was changed or ordered at the same time. Read it again.",
        )),
    }
}

fn changed(app: &Products, mut product: Product, changes: Changes) -> Result<Product, ApiError> {
    if let (Some(price), None) = (changes.price_dot, changes.price_usd) {
        product.price_usd =
            dot_to_usd(price, app.usd_per_dot).map_err(|error| ApiError::caused(Code::Unavailable, error))?;
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
