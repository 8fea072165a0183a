//! `GET /api/orders/{id}`: one order, for its parties and for admins.

use axum::extract::State;
use descrow_domain::{OrderId, view::OrderView};
use descrow_web::{ApiError, Authenticated, Id, Reply};

use crate::{
    Orders,
    footing::{Footing, seen},
};

/// Shows an order of yours, with its payment and its payout.
///
/// Admins see every order, its delivery address only where it is disputed.
#[utoipa::path(get, path = "/api/orders/{id}", tag = "orders", security(("token" = [])),
    params(("id" = String, Path, format = "uuid", description = "The order's id.")),
    responses((status = 200, description = "The order", body = OrderView)))]
pub(crate) async fn get(State(app): State<Orders>, who: Authenticated, Id(id): Id<OrderId>) -> Result<Reply, ApiError> {
    let found = Footing::read(&app.store, id).await?;
    let (found, viewer) = seen(found, &who.account(), who.role())?;
    Reply::ok(&found.view(viewer))
}
