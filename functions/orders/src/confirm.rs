//! `POST /api/orders/{id}/confirm`: the buyer has the parcel.

use axum::extract::State;
use descrow_domain::{OrderId, Timestamp, command::Command, order::OrderMove, view::OrderView};
use descrow_store::OrderChange;
use descrow_web::{ApiError, Authenticated, Id, Reply};

use crate::{
    Orders,
    footing::{Footing, seen},
    moves::{self, Asker, is_asked},
};

/// Confirms delivery, whereupon the seller is paid.
///
/// Asking again while it is pending changes nothing and answers the same.
#[utoipa::path(post, path = "/api/orders/{id}/confirm", tag = "orders", security(("token" = [])),
    params(("id" = String, Path, format = "uuid", description = "The order's id.")),
    responses((status = 202, description = "Pending until its event is final on the chain", body = OrderView),
        (status = 403, description = "`wrong_role`: somebody else than the buyer asks"),
        (status = 409, description = "`order_state` or `version_conflict`; `details` names status and allowed moves")))]
pub(crate) async fn confirm(
    State(app): State<Orders>,
    who: Authenticated,
    Id(id): Id<OrderId>,
) -> Result<Reply, ApiError> {
    let (who, found) = app.edge.live(who, Footing::read(&app.store, id)).await?;
    let (found, viewer) = seen(found, &who.account(), who.role())?;
    if is_asked(&found.order, OrderMove::Deliver, &who.account()) {
        return Reply::accepted(&found.view(viewer));
    }
    found.may(viewer, OrderMove::Deliver)?;
    let (next, command) = found.order.clone().asking(Command::ConfirmDelivery, Some(who.account()), Timestamp::now());
    let reply = Reply::accepted(&found.after(next.clone()).view(viewer))?;
    let change = OrderChange { command: Some(&command), ..OrderChange::of(&next) };
    let by = Asker { account: who.account(), viewer, action: OrderMove::Deliver, same: &|_| true };
    moves::commit(&app, &found, &change, by, None, reply).await
}
