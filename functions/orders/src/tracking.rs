//! `GET /api/orders/{id}/tracking`: where the parcel is, and everything that happened to its order. One round trip.

use axum::extract::State;
use descrow_domain::{
    OrderId,
    order::{Order, OrderStatus, Viewer},
    view::{DeadlinesView, PendingView, TrackingView, TransitionView},
};
use descrow_ipfs::{Gateways, validate_cid};
use descrow_web::{ApiError, Authenticated, Id, Reply};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{Orders, footing::viewer};

/// How an order fared until now.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct OrderTracking {
    /// The order's id.
    #[schema(value_type = String, format = "uuid")]
    order_id: OrderId,
    /// Where it stands.
    status: OrderStatus,
    /// The move that waits for the chain.
    pending: Option<PendingView>,
    /// How the parcel can be followed; `null` until the seller ships.
    tracking: Option<TrackingView>,
    /// Where a browser finds the tracking document that the contract names.
    tracking_url: Option<String>,
    /// Where a browser finds the carrier's paper, where the seller added one.
    document_url: Option<String>,
    /// By when each party must act.
    deadlines: DeadlinesView,
    /// Every status it had, oldest first: who caused it, when, and the extrinsic and block that decided it.
    history: Vec<TransitionView>,
}

impl OrderTracking {
    fn new(order: &Order, viewer: Viewer, gateways: &Gateways) -> Self {
        let url = |cid: &str| gateways.public_url(validate_cid(cid).ok()?);
        let tracking = order.tracking.as_ref();
        Self {
            order_id: order.id,
            status: order.status,
            pending: order.pending.as_ref().map(PendingView::from),
            tracking: tracking.map(TrackingView::from),
            tracking_url: tracking.and_then(|tracking| url(&tracking.cid)),
            document_url: tracking.and_then(|tracking| url(tracking.document.as_ref()?)),
            deadlines: DeadlinesView::from(&order.deadlines),
            history: order.history.iter().map(|line| TransitionView::of(line, order, viewer)).collect(),
        }
    }
}

/// Shows how the parcel can be followed, and the order's history.
#[utoipa::path(get, path = "/api/orders/{id}/tracking", tag = "orders", security(("token" = [])),
    params(("id" = String, Path, format = "uuid", description = "The order's id.")),
    responses((status = 200, description = "The order's way until now", body = OrderTracking)))]
pub(crate) async fn tracking(
    State(app): State<Orders>,
    who: Authenticated,
    Id(id): Id<OrderId>,
) -> Result<Reply, ApiError> {
    let order = app.store.orders().get(id).await?.ok_or_else(ApiError::not_found)?;
    let viewer = viewer(&order, &who.account(), who.role())?;
    Reply::ok(&OrderTracking::new(&order, viewer, &app.gateways))
}
