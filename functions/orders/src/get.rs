//! `GET /api/orders/{id}`: one order, for its parties.

use axum::extract::State;
use descrow_domain::{OrderId, view::OrderView};
use descrow_web::{ApiError, Authenticated, Id, Reply};

use crate::{
    Orders,
    footing::{Footing, of_party},
};

/// Shows an order of yours, with its payment and its payout.
#[utoipa::path(get, path = "/api/orders/{id}", tag = "orders", security(("token" = [])),
    params(("id" = String, Path, format = "uuid", description = "The order's id.")),
    responses((status = 200, description = "The order", body = OrderView)))]
pub(crate) async fn get(State(app): State<Orders>, who: Authenticated, Id(id): Id<OrderId>) -> Result<Reply, ApiError> {
    let found = Footing::read(&app.store, id).await?;
    let (found, _party) = of_party(found, &who.account())?;
    Reply::ok(&found.view(&who.account()))
}
