//! `GET /api/orders`: the orders of one account, as buyer or as seller, newest first. One round trip.

use axum::extract::State;
use descrow_domain::{
    Account, OrderId, ProductId,
    order::{Money, Order, OrderMove, OrderStatus, Party, PaymentMode},
    user::Role,
    view::{DeadlinesView, PendingView},
};
use descrow_store::{OrderList, OrdersOf};
use descrow_web::{ApiError, Authenticated, Fields, Input, List, Page, Reply, Request};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::Orders;

/// Which orders to list.
#[derive(Debug, Deserialize)]
pub(crate) struct Filter {
    role: Input<String>,
    status: Input<String>,
}

/// Which orders to list, in domain types.
#[derive(Clone, Debug)]
pub(crate) struct Chosen {
    party: Option<Party>,
    status: Option<OrderStatus>,
}

impl Request for Filter {
    type Valid = Chosen;

    fn validate(self, fields: &mut Fields) -> Option<Chosen> {
        let party = fields.optional_with("role", self.role, |role| match role {
            "buyer" => Ok(Party::Buyer),
            "seller" => Ok(Party::Seller),
            _ => Err("must be one of buyer, seller"),
        });
        let names = OrderStatus::ALL.map(OrderStatus::as_str);
        let status = fields.optional_choice("status", self.status, &names);
        Some(Chosen { party: party?, status: status? })
    }
}

/// An order in a list: what a line of it needs. The order itself says more.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct OrderSummary {
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
    /// The moves that may be yours now; none while one waits for the chain. A payment or payout under way, which only the
    /// order itself shows, may still stand against one.
    allowed_moves: Vec<OrderMove>,
    /// When it was ordered (RFC 3339).
    created_at: String,
    /// When it last changed (RFC 3339).
    updated_at: String,
    /// Rises with each change.
    version: u64,
}

impl OrderSummary {
    fn new(order: &Order, party: Party) -> Self {
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
            allowed_moves: order.allowed(party.into(), Money::default()),
            created_at: order.created_at.rfc3339(),
            updated_at: order.updated_at.rfc3339(),
            version: order.version,
        }
    }
}

/// Lists your orders, newest first.
///
/// Without a role a seller sees what was sold, everybody else what was bought.
#[utoipa::path(get, path = "/api/orders", tag = "orders", security(("token" = [])),
    params(
        ("limit" = Option<u32>, Query, minimum = 1, maximum = 100, description = "Entries of a page; 20 where absent."),
        ("cursor" = Option<String>, Query, description = "`nextCursor` of the page before."),
        ("role" = Option<String>, Query, pattern = "^(buyer|seller)$", example = "buyer", description = "`buyer`: what you bought; `seller`: what you sold."),
        ("status" = Option<OrderStatus>, Query, description = "Only with this status."),
    ),
    responses((status = 200, description = "A page of orders", body = List<OrderSummary>)))]
pub(crate) async fn list(State(app): State<Orders>, who: Authenticated, page: Page<Filter>) -> Result<Reply, ApiError> {
    let own = if who.role() == Role::Seller { Party::Seller } else { Party::Buyer };
    let party = page.filter.party.unwrap_or(own);
    let of = match party {
        Party::Buyer => OrdersOf::Buyer(who.account()),
        Party::Seller => OrdersOf::Seller(who.account()),
    };
    let position: Option<String> = page.position()?;
    let limit = usize::try_from(page.limit).unwrap_or(usize::MAX);
    let wanted = OrderList { of, status: page.filter.status, mode: None, position: position.as_deref(), limit };
    let found = app.store.orders().list(&wanted).await?;
    let items: Vec<OrderSummary> = found.items.iter().map(|order| OrderSummary::new(order, party)).collect();
    Reply::ok(&page.list(items, found.next)?)
}
