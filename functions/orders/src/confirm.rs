//! `POST /api/orders/{id}/confirm`: the buyer has the parcel.

use axum::extract::State;
use descrow_domain::{
    OrderId,
    command::Command,
    order::{OrderMove, Party},
    view::OrderView,
};
use descrow_web::{ApiError, Authenticated, Id, Reply};

use crate::{
    Orders,
    footing::{Footing, of_only},
    moves,
};

/// Confirms delivery, whereupon the seller is paid.
///
/// Asking again while it is pending changes nothing and answers the same.
#[utoipa::path(post, path = "/api/orders/{id}/confirm", tag = "orders", security(("token" = [])),
    params(("id" = String, Path, format = "uuid", description = "The order's id.")),
    responses((status = 202, description = "Pending until its event is final on the chain", body = OrderView),
        (status = 403, description = "`wrong_role`: the seller asks"),
        (status = 409, description = "`order_state` or `version_conflict`; `details` names status and allowed moves")))]
pub(crate) async fn confirm(
    State(app): State<Orders>,
    who: Authenticated,
    Id(id): Id<OrderId>,
) -> Result<Reply, ApiError> {
    let (who, found) = app.edge.live(who, Footing::read(&app.store, id)).await?;
    let mut found = of_only(found, &who.account(), Party::Buyer)?;
    if moves::may(&found.order, OrderMove::Deliver, &who.account())? {
        let (action, command) = (OrderMove::Deliver, Command::ConfirmDelivery);
        found.order = moves::request(&app.store, found.order, action, command, who.account()).await?;
    }
    Reply::accepted(&found.view(&who.account()))
}
