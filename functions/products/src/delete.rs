//! `DELETE /api/products/{id}`: a seller takes a product off. Orders refer to it, so it stays and is inactive.
//!
//! Round trips: session, quota and product together; then the row. Nothing is written where it is inactive already.

use axum::extract::State;
use descrow_domain::{
    ProductId, Timestamp,
    product::{Product, ProductStatus},
};
use descrow_web::{ApiError, Id, Reply, Seller};

use crate::{
    Products,
    update::{own, save},
};

/// Takes a product of your own off the catalogue.
///
/// It becomes `inactive`: it leaves the catalogue and can no longer be ordered, but it stays readable under its id, since orders
/// refer to it, and in the list of its seller's. `PUT` with `status` `active` puts it back on sale.
#[utoipa::path(delete, path = "/api/products/{id}", tag = "products", security(("token" = [])),
    params(("id" = String, Path, format = "uuid", description = "The product's id.")),
    responses((status = 204, description = "Taken off"), (status = 409, description = "`version_conflict`: it was changed or ordered at the same time")))]
pub(crate) async fn delete(
    State(app): State<Products>,
    seller: Seller,
    Id(id): Id<ProductId>,
) -> Result<Reply, ApiError> {
    let products = app.store.products();
    let (seller, product) = app.edge.live(seller, products.get(id)).await?;
    let product = own(product, seller.account())?;
    if product.status != ProductStatus::Inactive {
        let version = product.version.saturating_add(1);
        let status = ProductStatus::Inactive;
        save(&app, Product { status, version, updated_at: Timestamp::now(), ..product }).await?;
    }
    Ok(Reply::no_content())
}
