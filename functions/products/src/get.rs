//! `GET /api/products/{id}`: one product, public. One round trip; none where this process or a cache on the way has it.

use std::time::{Duration, Instant};

use axum::{Extension, extract::State};
use descrow_domain::ProductId;
use descrow_web::{ApiError, Id, Known, Reply, Uncounted};
use http::{HeaderMap, HeaderValue, header};

use crate::{ProductView, Products};

/// How long caches may keep a product, in seconds.
const MAX_AGE: u32 = 300;

/// Whether the client is content with what a cache has.
fn content(headers: &HeaderMap) -> bool {
    let control = headers.get(header::CACHE_CONTROL).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let insists = control.split(',').any(|part| ["no-cache", "no-store", "max-age=0"].contains(&part.trim()));
    !insists && !headers.contains_key(header::AUTHORIZATION)
}

/// Shows a product.
///
/// May be up to five minutes old, as its `Age` says, for whoever sends no token and no `Cache-Control: no-cache`.
#[utoipa::path(get, path = "/api/products/{id}", tag = "products",
    params(("id" = String, Path, format = "uuid", description = "The product's id."),
        ("If-None-Match" = Option<String>, Header, description = "`ETag` of an earlier answer: 304 where it is still good.")),
    responses((status = 200, description = "The product", body = ProductView), (status = 304, description = "Not modified")))]
pub(crate) async fn get(
    State(app): State<Products>,
    Id(id): Id<ProductId>,
    known: Known,
    headers: HeaderMap,
) -> Result<(Option<Extension<Uncounted>>, Reply), ApiError> {
    let now = Instant::now();
    let max_age = Duration::from_secs(MAX_AGE.into());
    let cached = if content(&headers) { app.cache.get(id, now, max_age) } else { None };
    let uncounted = cached.is_some().then_some(Extension(Uncounted));
    let (product, age) = if let Some(found) = cached {
        found
    } else {
        let product = app.store.products().get(id).await?.ok_or_else(ApiError::not_found)?;
        app.cache.put(product.clone(), now);
        (product, Duration::ZERO)
    };
    let reply = known.public(Reply::ok(&ProductView::new(&product, &app.gateways))?, MAX_AGE);
    Ok((uncounted, reply.header(header::AGE, HeaderValue::from(age.as_secs()))))
}
