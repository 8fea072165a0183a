//! `GET /api/admin/disputes`: what waits for a decision. One round trip: each order counts its evidence itself.

use axum::extract::State;
use descrow_domain::{
    Timestamp,
    order::{Order, OrderStatus, Viewer},
    view::{DisputeView, OrderSummary},
};
use descrow_store::{OrderList, OrdersOf};
use descrow_web::{Admin, ApiError, List, Page, Reply};
use serde::Serialize;
use utoipa::ToSchema;

use crate::Office;

/// A dispute that is not decided, or whose decision waits for the chain.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct AdminDispute {
    /// The order.
    order: OrderSummary,
    /// What was said, and what an admin proposed.
    dispute: Option<DisputeView>,
    /// Pieces of evidence that were handed in.
    evidence_count: u32,
    /// Whether no evidence is taken any more.
    evidence_closed: bool,
    /// Whether two admins must decide.
    needs_two_admins: bool,
}

impl AdminDispute {
    fn new(order: &Order, app: &Office, now: Timestamp) -> Self {
        Self {
            order: OrderSummary::new(order, Viewer::Admin),
            dispute: DisputeView::of(order, Viewer::Admin),
            evidence_count: order.dispute.as_ref().map_or(0, |dispute| dispute.evidence_count),
            evidence_closed: !order.takes_evidence(now),
            needs_two_admins: app.needs_two(order),
        }
    }
}

impl Office {
    /// Whether a second admin must agree to how this order's dispute ends: also where it cannot be told what is at stake.
    pub(crate) fn needs_two(&self, order: &Order) -> bool {
        order.quote.at_stake().is_none_or(|kes| kes > self.four_eyes_above)
    }
}

/// Lists the disputes that are open, the newest order first.
#[utoipa::path(get, path = "/api/admin/disputes", tag = "admin", security(("token" = [])),
    params(
        ("limit" = Option<u32>, Query, minimum = 1, maximum = 100, description = "Entries of a page; 20 where absent."),
        ("cursor" = Option<String>, Query, description = "`nextCursor` of the page before."),
    ),
    responses((status = 200, description = "A page of disputes", body = List<AdminDispute>)))]
pub(crate) async fn disputes(State(app): State<Office>, _admin: Admin, page: Page) -> Result<Reply, ApiError> {
    let position: Option<String> = page.position()?;
    let limit = usize::try_from(page.limit).unwrap_or(usize::MAX);
    let (of, status) = (OrdersOf::Everybody, Some(OrderStatus::Disputed));
    let wanted = OrderList { of, status, mode: None, position: position.as_deref(), limit };
    let found = app.store.orders().list(&wanted).await?;
    let now = Timestamp::now();
    let items: Vec<_> = found.items.iter().map(|order| AdminDispute::new(order, &app, now)).collect();
    Reply::ok(&page.list(items, found.next)?)
}
