//! `GET /api/products/{id}`: one product, public. One round trip; none where a cache still has it.

use axum::extract::State;
use descrow_domain::ProductId;
use descrow_web::{ApiError, Id, Known, Reply};

use crate::{ProductView, Products};

/// How long caches may keep a product, in seconds.
const MAX_AGE: u32 = 300;

/// Shows a product.
#[utoipa::path(get, path = "/api/products/{id}", tag = "products",
    params(("id" = String, Path, format = "uuid", description = "The product's id."),
        ("If-None-Match" = Option<String>, Header, description = "`ETag` of an earlier answer: 304 where it is still good.")),
    responses((status = 200, description = "The product", body = ProductView), (status = 304, description = "Not modified")))]
pub(crate) async fn get(State(app): State<Products>, Id(id): Id<ProductId>, known: Known) -> Result<Reply, ApiError> {
    let product = app.store.products().get(id).await?.ok_or_else(ApiError::not_found)?;
    Ok(known.public(Reply::ok(&ProductView::new(&product, &app.gateways))?, MAX_AGE))
}
