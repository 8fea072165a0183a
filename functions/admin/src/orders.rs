//! `GET /api/admin/orders`: everybody's orders, newest first. One round trip.

use axum::extract::State;
use descrow_domain::{
    Account, OrderId, ProductId,
    order::{Order, OrderStatus, PaymentMode},
    view::{DeadlinesView, PendingView},
};
use descrow_store::{OrderList, OrdersOf};
use descrow_web::{Admin, ApiError, Fields, Input, List, Page, Reply, Request};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::Office;

/// Which orders to list.
#[derive(Debug, Deserialize)]
pub(crate) struct Filter {
    status: Input<String>,
    mode: Input<String>,
}

/// Which orders to list, in domain types.
#[derive(Clone, Debug)]
pub(crate) struct Chosen {
    status: Option<OrderStatus>,
    mode: Option<PaymentMode>,
}

impl Request for Filter {
    type Valid = Chosen;

    fn validate(self, fields: &mut Fields) -> Option<Chosen> {
        let status = fields.optional_choice("status", self.status, &OrderStatus::ALL.map(OrderStatus::as_str));
        let mode = fields.optional_choice("mode", self.mode, &PaymentMode::ALL.map(PaymentMode::as_str));
        Some(Chosen { status: status?, mode: mode? })
    }
}

/// An order as admins list it: no address, no number.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct AdminOrder {
    /// The order's id.
    #[schema(value_type = String, format = "uuid")]
    id: OrderId,
    /// Where it stands.
    status: OrderStatus,
    /// How the buyer pays.
    payment_mode: PaymentMode,
    /// What is bought.
    #[schema(value_type = String, format = "uuid")]
    product_id: ProductId,
    /// The product's title when it was ordered.
    product_title: String,
    /// Pieces ordered.
    quantity: u32,
    /// Account of the buyer (SS58).
    #[schema(value_type = String)]
    buyer: Account,
    /// Account of the seller (SS58).
    #[schema(value_type = String)]
    seller: Account,
    /// The price in DOT, a decimal.
    amount_dot: String,
    /// The price in dollars, a decimal with two digits.
    amount_usd: String,
    /// The price in whole shillings.
    amount_kes: u32,
    /// The move that waits for the chain.
    pending: Option<PendingView>,
    /// By when each party must act.
    deadlines: DeadlinesView,
    /// When it was ordered (RFC 3339).
    created_at: String,
    /// When it last changed (RFC 3339).
    updated_at: String,
    /// Rises with each change.
    version: u64,
}

impl From<&Order> for AdminOrder {
    fn from(order: &Order) -> Self {
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
            created_at: order.created_at.rfc3339(),
            updated_at: order.updated_at.rfc3339(),
            version: order.version,
        }
    }
}

/// Lists everybody's orders, newest first.
///
/// A page may be short and still be followed by another one.
#[utoipa::path(get, path = "/api/admin/orders", tag = "admin", security(("token" = [])),
    params(
        ("limit" = Option<u32>, Query, minimum = 1, maximum = 100, description = "Entries of a page; 20 where absent."),
        ("cursor" = Option<String>, Query, description = "`nextCursor` of the page before."),
        ("status" = Option<OrderStatus>, Query, description = "Only with this status."),
        ("mode" = Option<PaymentMode>, Query, description = "Only those paid so."),
    ),
    responses((status = 200, description = "A page of orders", body = List<AdminOrder>)))]
pub(crate) async fn orders(State(app): State<Office>, _admin: Admin, page: Page<Filter>) -> Result<Reply, ApiError> {
    let position: Option<String> = page.position()?;
    let limit = usize::try_from(page.limit).unwrap_or(usize::MAX);
    let Chosen { status, mode } = page.filter;
    let wanted = OrderList { of: OrdersOf::Everybody, status, mode, position: position.as_deref(), limit };
    let found = app.store.orders().list(&wanted).await?;
    Reply::ok(&page.list(found.items.iter().map(AdminOrder::from).collect(), found.next)?)
}
