//! `POST /api/products`: a seller who can be paid lists a product.
//!
//! Round trips: session, quota and the request's record together; then, its metadata being pinned, product and record in one
//! transaction.

use axum::extract::State;
use descrow_domain::{
    Account, ProductId, Timestamp,
    product::{Product, ProductStatus},
    rates::dot_to_usd,
};
use descrow_store::Listed;
use descrow_web::{ApiError, Body, Code, IdempotencyKey, Once, Reply, RequestInfo, Seller};

use crate::{CreateProduct, NewProduct, ProductView, Products, content::pin_metadata};

/// Lists a product.
///
/// The profile must have a phone number: it is where the payments of buyers go.
#[utoipa::path(post, path = "/api/products", tag = "products", security(("token" = [])),
    params(("Idempotency-Key" = String, Header, description = "Any text of yours; the same request with it is done once.")),
    request_body = CreateProduct,
    responses((status = 201, description = "Listed", body = ProductView),
        (status = 409, description = "There is no phone number in the profile, or a request with this key is under way"),
        (status = 502, description = "The content store failed")))]
pub(crate) async fn create(
    State(app): State<Products>,
    seller: Seller,
    key: IdempotencyKey,
    info: RequestInfo,
    Body(new): Body<CreateProduct>,
) -> Result<Reply, ApiError> {
    let once = Once::new(key, seller.account());
    let now = Timestamp::now();
    let (seller, record) = app.edge.live(seller, app.store.limits().idempotency(once.id(), now)).await?;
    if let Some(answer) = once.settle(record, now)? {
        return Ok(answer);
    }
    if seller.phone().is_none() {
        return Err(ApiError::new(
            Code::PhoneNumberRequired,
            "Add a phone number to your profile: buyers' payments are sent to it.",
        ));
    }
    let mut product = listed(&app, seller.account(), new, now)?;
    let cid = pin_metadata(&product, app.pins.as_ref(), info.deadline()).await?;
    product.metadata_cid = Some(cid.to_string());
    let location = format!("/api/products/{}", product.id);
    let reply = Reply::created(location, &ProductView::new(&product, &app.gateways))?;
    match app.store.products().create_once(&product, &once.answered(&reply, now)?).await? {
        Listed::Done => Ok(reply),
        Listed::Replay(record) => once.settle_refused(*record, now),
    }
}

fn listed(app: &Products, seller: Account, new: NewProduct, now: Timestamp) -> Result<Product, ApiError> {
    let price_usd = match new.price_usd {
        Some(price) => price,
        None => {
            dot_to_usd(new.price_dot, app.usd_per_dot).map_err(|error| ApiError::caused(Code::Unavailable, error))?
        }
    };
    Ok(Product {
        id: ProductId::new(),
        seller_id: seller,
        title: new.title,
        description: new.description,
        category: new.category,
        price_dot: new.price_dot,
        price_usd,
        images: new.images.iter().map(ToString::to_string).collect(),
        metadata_cid: None,
        quantity: new.quantity,
        status: ProductStatus::Active,
        version: 1,
        created_at: now,
        updated_at: now,
    })
}
