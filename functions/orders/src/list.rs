//! `GET /api/orders`: the orders of one account, as buyer or as seller, newest first. One round trip: the status is
//! part of a key, so that every page but the last is full.

use axum::extract::State;
use descrow_domain::{
    order::{OrderStatus, Party},
    user::Role,
    view::OrderSummary,
};
use descrow_store::{OrderList, OrdersOf};
use descrow_web::{ApiError, Authenticated, Fields, Input, List, Page, Reply, Request};
use serde::Deserialize;

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
    let items: Vec<OrderSummary> = found.items.iter().map(|order| OrderSummary::new(order, party.into())).collect();
    Reply::ok(&page.list(items, found.next)?)
}
