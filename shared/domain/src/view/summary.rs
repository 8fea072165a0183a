//! An order as lists show it.

use serde::Serialize;

use super::{DeadlinesView, PendingView};
use crate::{
    Account, OrderId, ProductId,
    order::{Money, Order, OrderMove, OrderStatus, PaymentMode, Viewer},
};

/// An order in a list: what a line of it needs, without address and numbers. The order itself says more.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct OrderSummary {
    /// The order's id.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = "uuid"))]
    pub id: OrderId,
    /// Where it stands.
    pub status: OrderStatus,
    /// How the buyer pays.
    pub payment_mode: PaymentMode,
    /// What is bought.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = "uuid"))]
    pub product_id: ProductId,
    /// The product's title when it was ordered.
    pub product_title: String,
    /// Pieces ordered.
    pub quantity: u32,
    /// Account of the buyer (SS58).
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub buyer: Account,
    /// Account of the seller (SS58).
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub seller: Account,
    /// The price in DOT, a decimal.
    pub amount_dot: String,
    /// The price in dollars, a decimal with two digits.
    pub amount_usd: String,
    /// The price in whole shillings.
    pub amount_kes: u32,
    /// The move that waits for the chain.
    pub pending: Option<PendingView>,
    /// By when each party must act.
    pub deadlines: DeadlinesView,
    /// The moves that may be yours now; none while one waits for the chain. A payment or payout under way, which only the
    /// order itself shows, may still stand against one.
    pub allowed_moves: Vec<OrderMove>,
    /// When it was ordered (RFC 3339).
    pub created_at: String,
    /// When it last changed (RFC 3339).
    pub updated_at: String,
    /// Rises with each change.
    pub version: u64,
}

impl OrderSummary {
    /// The order as `viewer` lists it.
    pub fn new(order: &Order, viewer: Viewer) -> Self {
        Self {
            id: order.id,
            status: order.status,
            payment_mode: order.payment_mode,
            product_id: order.product_id,
            product_title: order.product_title.as_str().to_owned(),
            quantity: order.quantity,
            buyer: order.buyer_id,
            seller: order.seller_id,
            amount_dot: order.quote.amount.to_dot(),
            amount_usd: order.quote.usd.to_usd(),
            amount_kes: order.quote.kes.0,
            pending: order.pending.as_ref().map(PendingView::from),
            deadlines: DeadlinesView::from(&order.deadlines),
            allowed_moves: order.allowed(viewer.into(), Money::default()),
            created_at: order.created_at.rfc3339(),
            updated_at: order.updated_at.rfc3339(),
            version: order.version,
        }
    }
}
