//! `POST /api/orders`: a buyer orders a product.
//!
//! Round trips: session, quota, product, rates and the request's record at once; then order, stock, command, the contract's
//! reference and the record with its answer in one transaction.

use axum::extract::State;
use descrow_domain::{
    Account, Msisdn, OrderId, Planck, ProductId, Timestamp, UsdCents,
    command::{ChainCommand, Command},
    money::{KES_MAX, KES_PAYOUT_MIN},
    order::{Deadlines, Order, OrderStatus, PaymentMode, Transition, Viewer},
    product::{Product, ProductStatus},
    rates::{Quote, Rates, Unquotable},
    text::Text,
    view::OrderView,
};
use descrow_store::{Created, SellerTerms, Wanted};
use descrow_web::{ApiError, Body, Buyer, Code, Fields, IdempotencyKey, Input, Once, Reply, Request};
use serde::Deserialize;
use utoipa::ToSchema;

use crate::Orders;

/// The most pieces of one order.
const MAX_QUANTITY: u64 = 1000;

/// An order to be made.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CreateOrder {
    /// What is ordered.
    #[schema(value_type = String, format = "uuid", example = "0193a1f0-0000-7000-8000-0000000000b1")]
    product_id: Input<String>,
    /// `dot`: into the contract, from the buyer's own wallet. `mpesa`: in shillings, from a phone.
    #[schema(value_type = String, pattern = "^(dot|mpesa)$", example = "mpesa")]
    payment_mode: Input<String>,
    /// Where to send it: 10 to 500 characters. The seller sees it while the order is paid for and not over, admins while it is disputed.
    #[schema(value_type = String, min_length = 10, max_length = 500, example = "Moi Avenue 12, Nairobi")]
    delivery_address: Input<String>,
    /// The number that pays: 254, 1 or 7, eight digits. Required for `mpesa`, not kept for `dot`.
    #[schema(value_type = Option<String>, pattern = "^254[17][0-9]{8}$", example = "254708374149")]
    phone_number: Input<String>,
    /// Pieces; 1 where absent.
    #[schema(value_type = Option<u64>, minimum = 1, maximum = 1000, example = 1)]
    quantity: Input<u64>,
}

/// An order to be made, in domain types.
#[derive(Clone, Debug)]
pub struct NewOrder {
    product_id: ProductId,
    payment_mode: PaymentMode,
    delivery_address: Text<10, 500>,
    phone: Option<Msisdn>,
    quantity: u32,
}

impl Request for CreateOrder {
    type Valid = NewOrder;

    fn validate(self, fields: &mut Fields) -> Option<NewOrder> {
        let product_id = fields.required("productId", self.product_id);
        let payment_mode = fields.choice("paymentMode", self.payment_mode, &["dot", "mpesa"]);
        let delivery_address = fields.required("deliveryAddress", self.delivery_address);
        let phone = fields.optional("phoneNumber", self.phone_number);
        let quantity = fields.number("quantity", self.quantity, 1..=MAX_QUANTITY, Some(1));
        if let (Some(PaymentMode::Mpesa), Some(None)) = (payment_mode, &phone) {
            fields.refuse("phoneNumber", "is required for mpesa");
        }
        Some(NewOrder {
            product_id: product_id?,
            payment_mode: payment_mode?,
            delivery_address: delivery_address?,
            // What nobody needs is not kept.
            phone: phone?.filter(|_| payment_mode == Some(PaymentMode::Mpesa)),
            quantity: u32::try_from(quantity?).ok()?,
        })
    }
}

/// Orders a product.
///
/// The amounts are fixed in DOT, dollars and shillings at the rates of this moment; the pieces are reserved until the payment
/// deadline.
#[utoipa::path(post, path = "/api/orders", tag = "orders", security(("token" = [])),
    params(("Idempotency-Key" = String, Header, description = "Any text of yours; the same request with it is done once.")),
    request_body = CreateOrder,
    responses((status = 201, description = "Ordered", body = OrderView), (status = 404, description = "`not_found`: no such product"),
        (status = 409, description = "`product_unavailable`: inactive, sold, or fewer pieces left; `seller_without_phone` (M-Pesa only), `seller_unverified` (where that is asked for); or the key is in use"),
        (status = 503, description = "`rates_unavailable`: no rates to price it by, or they are old or jumped")))]
pub(crate) async fn create(
    State(app): State<Orders>,
    buyer: Buyer,
    key: IdempotencyKey,
    Body(new): Body<CreateOrder>,
) -> Result<Reply, ApiError> {
    let once = Once::new(key, buyer.account());
    let now = Timestamp::now();
    let idempotency = Some(once.id().to_owned());
    let rates = app.pricing.needs_row();
    let wanted = Wanted { product: Some(new.product_id), idempotency, rates, ..Wanted::default() };
    let (buyer, found) = app.edge.live(buyer, app.store.read_together(&wanted)).await?;
    if let Some(answer) = once.settle(found.idempotency, now)? {
        return Ok(answer);
    }
    let product = found.product.ok_or_else(|| ApiError::new(Code::NotFound, "There is no such product."))?;
    if product.seller_id == buyer.account() {
        return Err(ApiError::field("productId", "is your own product"));
    }
    orderable(&product, new.quantity)?;
    let rates = app.pricing.rates(found.rates.as_ref(), now)?;
    let quote = quote(&rates, &product, &new)?;
    let window = app.payment_window;
    let order = ordered(buyer.account(), new, &product, quote, now, now.plus_seconds(window));
    commit(&app, &order, &product, &once).await
}

/// Writes the order with all that belongs to it, and answers.
async fn commit(app: &Orders, order: &Order, product: &Product, once: &Once) -> Result<Reply, ApiError> {
    let now = order.created_at;
    let command = Command::CreateOrder {
        buyer: order.buyer_id,
        seller: order.seller_id,
        amount: order.quote.amount,
        metadata_cid: product.metadata_cid.clone().unwrap_or_default(),
    };
    let command = ChainCommand::new(order.id, command, now);
    let reply = Reply::created(format!("/api/orders/{}", order.id), &OrderView::new(order, Viewer::Buyer, |_| None))?;
    let record = once.answered(&reply, now)?;
    let terms = SellerTerms { phone: order.payment_mode == PaymentMode::Mpesa, verified: app.verified_sellers };
    match app.store.orders().create(order, product, &command, terms, Some(&record)).await? {
        Created::Done => Ok(reply),
        Created::Replay(record) => once.settle_refused(*record, now),
        Created::Unavailable(Some(stock)) => {
            orderable(&stock, order.quantity)?;
            Err(ApiError::new(Code::ProductUnavailable, "The product's price changed meanwhile. Read it again."))
        }
        Created::Unavailable(None) => Err(ApiError::not_found()),
        Created::SellerWithoutPhone => {
            Err(ApiError::new(Code::SellerWithoutPhone, "The seller cannot be paid by M-Pesa yet."))
        }
        Created::SellerUnverified => {
            Err(ApiError::new(Code::SellerUnverified, "The seller's identity is not verified yet."))
        }
    }
}

/// Whether the product is on offer, with enough pieces.
fn orderable(product: &Product, quantity: u32) -> Result<(), ApiError> {
    let refuse = |message| Err(ApiError::new(Code::ProductUnavailable, message));
    match product.status {
        ProductStatus::Inactive => refuse("The product was taken off by its seller."),
        ProductStatus::Sold => refuse("The product is sold."),
        ProductStatus::Active if product.quantity < quantity => refuse("Fewer pieces are left than you ordered."),
        ProductStatus::Active => Ok(()),
    }
}

/// The amounts, where M-Pesa can carry them to us and on to the seller.
fn quote(rates: &Rates, product: &Product, new: &NewOrder) -> Result<Quote, ApiError> {
    let too_much = || ApiError::field("quantity", "makes the price too large");
    let amount = product.price_dot.0.checked_mul(u128::from(new.quantity)).map(Planck).ok_or_else(too_much)?;
    let usd = product.price_usd.0.checked_mul(u64::from(new.quantity)).map(UsdCents).ok_or_else(too_much)?;
    let quote = rates.quote(amount, usd).map_err(|error| match error {
        Unquotable::ZeroRate => ApiError::caused(Code::RatesUnavailable, error),
        Unquotable::LessThanACent | Unquotable::OutOfRange => too_much(),
    })?;
    let carried = quote.kes.payable() && quote.kes.0 >= KES_PAYOUT_MIN;
    if new.payment_mode == PaymentMode::Mpesa && !carried {
        let message = format!("mpesa carries {KES_PAYOUT_MIN} to {KES_MAX} shillings, and this costs {}", quote.kes.0);
        return Err(ApiError::field("paymentMode", message));
    }
    Ok(quote)
}

fn ordered(
    buyer: Account,
    new: NewOrder,
    product: &Product,
    quote: Quote,
    now: Timestamp,
    pay_until: Timestamp,
) -> Order {
    let line = Transition { status: OrderStatus::Created, at: now, by: Some(buyer), extrinsic: None, block: None };
    Order {
        id: OrderId::new(),
        buyer_id: buyer,
        seller_id: product.seller_id,
        product_id: product.id,
        product_title: product.title.clone(),
        quantity: new.quantity,
        payment_mode: new.payment_mode,
        status: OrderStatus::Created,
        quote,
        delivery_address: new.delivery_address,
        phone: new.phone,
        payment_id: None,
        payout_id: None,
        refund_id: None,
        funded_by: None,
        dot_payment: None,
        dispute: None,
        pending: None,
        on_chain: false,
        tracking: None,
        deadlines: Deadlines { payment: Some(pay_until), ..Deadlines::default() },
        history: vec![line],
        version: 1,
        created_at: now,
        updated_at: now,
    }
}
