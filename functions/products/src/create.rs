//! `POST /api/products`: a seller who can be paid lists a product.
//!
//! Round trips: session, quota, rates and the request's record together; then, its images being known and its metadata pinned,
//! product and record in one transaction.

use axum::extract::State;
use descrow_domain::{
    Account, ProductId, Timestamp,
    product::{Product, ProductStatus},
    rates::CurrentRates,
};
use descrow_store::{Listed, Wanted};
use descrow_web::{ApiError, Body, Code, IdempotencyKey, Once, Reply, RequestInfo, Seller};

use crate::{
    CreateProduct, NewProduct, ProductView, Products, content::pin_metadata, dollars::dollars, images::require_pinned,
};

/// Lists a product.
///
/// The profile must have a phone number: it is where the payments of buyers go.
#[utoipa::path(post, path = "/api/products", tag = "products", security(("token" = [])),
    params(("Idempotency-Key" = String, Header, description = "Any text of yours; the same request with it is done once.")),
    request_body = CreateProduct,
    responses((status = 201, description = "Listed", body = ProductView),
        (status = 409, description = "`phone_number_required`: there is none in the profile; or the key is in use"),
        (status = 502, description = "`content_service_error`: the content store failed"),
        (status = 503, description = "`rates_unavailable`: no rates to price it by, or they are old or jumped")))]
pub(crate) async fn create(
    State(app): State<Products>,
    seller: Seller,
    key: IdempotencyKey,
    info: RequestInfo,
    Body(new): Body<CreateProduct>,
) -> Result<Reply, ApiError> {
    let once = Once::new(key, seller.account());
    let now = Timestamp::now();
    let rates = new.price_usd.is_none() && app.pricing.needs_row();
    let wanted = Wanted { idempotency: Some(once.id().to_owned()), rates, ..Wanted::default() };
    let (seller, found) = app.edge.live(seller, app.store.read_together(&wanted)).await?;
    if let Some(answer) = once.settle(found.idempotency, now)? {
        return Ok(answer);
    }
    if seller.phone().is_none() {
        return Err(ApiError::new(
            Code::PhoneNumberRequired,
            "Add a phone number to your profile: buyers' payments are sent to it.",
        ));
    }
    require_pinned(&app, &new.images, &[], info.deadline()).await?;
    let mut product = listed(&app, seller.account(), new, found.rates.as_ref(), now)?;
    let cid = pin_metadata(&product, app.pins.as_ref(), info.deadline()).await?;
    product.metadata_cid = Some(cid.to_string());
    let location = format!("/api/products/{}", product.id);
    let reply = Reply::created(location, &ProductView::new(&product, &app.gateways))?;
    match app.store.products().create_once(&product, &once.answered(&reply, now)?).await? {
        Listed::Done => Ok(reply),
        Listed::Replay(record) => once.settle_refused(*record, now),
    }
}

fn listed(
    app: &Products,
    seller: Account,
    new: NewProduct,
    rates: Option<&CurrentRates>,
    now: Timestamp,
) -> Result<Product, ApiError> {
    let price_usd = match new.price_usd {
        Some(price) => price,
        None => dollars(app, new.price_dot, rates)?,
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
