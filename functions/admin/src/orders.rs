//! `GET /api/admin/orders`: everybody's orders, newest first. One round trip: four partitions of one status, or a fortnight's days, at
//! once. How they are paid is a filter on what was read, so that a page may be short.

use axum::extract::State;
use descrow_domain::{
    order::{OrderStatus, PaymentMode, Viewer},
    view::OrderSummary,
};
use descrow_store::{OrderList, OrdersOf};
use descrow_web::{Admin, ApiError, Fields, Input, List, Page, Reply, Request};
use serde::Deserialize;

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

/// Lists everybody's orders, newest first.
///
/// A page may hold fewer than `limit`, or none: go on while `nextCursor` is there.
#[utoipa::path(get, path = "/api/admin/orders", tag = "admin", security(("token" = [])),
    params(
        ("limit" = Option<u32>, Query, minimum = 1, maximum = 100, description = "Entries of a page; 20 where absent."),
        ("cursor" = Option<String>, Query, description = "`nextCursor` of the page before."),
        ("status" = Option<OrderStatus>, Query, description = "Only with this status."),
        ("mode" = Option<PaymentMode>, Query, description = "Only those paid so."),
    ),
    responses((status = 200, description = "A page of orders", body = List<OrderSummary>)))]
pub(crate) async fn orders(State(app): State<Office>, _admin: Admin, page: Page<Filter>) -> Result<Reply, ApiError> {
    let position: Option<String> = page.position()?;
    let limit = usize::try_from(page.limit).unwrap_or(usize::MAX);
    let Chosen { status, mode } = page.filter;
    let wanted = OrderList { of: OrdersOf::Everybody, status, mode, position: position.as_deref(), limit };
    let found = app.store.orders().list(&wanted).await?;
    let items: Vec<OrderSummary> = found.items.iter().map(|order| OrderSummary::new(order, Viewer::Admin)).collect();
    Reply::ok(&page.list(items, found.next)?)
}
