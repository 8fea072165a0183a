//! `POST /api/orders/{id}/cancel`: the order is given up.
//!
//! The pieces go back to the stock, and a paid order's money to its buyer, when the contract's event is final.

use axum::extract::State;
use descrow_domain::{OrderId, Timestamp, command::Command, order::OrderMove, view::OrderView};
use descrow_store::OrderChange;
use descrow_web::{ApiError, Authenticated, Id, IdempotencyKey, Once, Reply};

use crate::{
    Orders,
    footing::{Footing, seen},
    moves::{self, Asker, is_asked},
};

/// Cancels an order.
///
/// Before it is paid, both parties may; a paid order is cancelled by its seller alone, and the buyer gets the money back. While
/// M-Pesa has not said whether the buyer paid, nobody may. Asking again while it is pending changes nothing and answers the
/// same.
#[utoipa::path(post, path = "/api/orders/{id}/cancel", tag = "orders", security(("token" = [])),
    params(("id" = String, Path, format = "uuid", description = "The order's id."),
        ("Idempotency-Key" = String, Header, description = "Any text of yours; the same request with it is done once.")),
    responses((status = 202, description = "Pending until its event is final on the chain", body = OrderView),
        (status = 403, description = "`wrong_role`: an admin asks"),
        (status = 409, description = "`order_state`, `payment_in_progress` or `version_conflict`; `details` names status and allowed moves")))]
pub(crate) async fn cancel(
    State(app): State<Orders>,
    who: Authenticated,
    Id(id): Id<OrderId>,
    key: IdempotencyKey,
) -> Result<Reply, ApiError> {
    let once = Once::new(key, who.account());
    let now = Timestamp::now();
    let limits = app.store.limits();
    let read = async { tokio::try_join!(Footing::read(&app.store, id), limits.idempotency(once.id(), now)) };
    let (who, (found, record)) = app.edge.live(who, read).await?;
    let (found, viewer) = seen(found, &who.account(), who.role())?;
    if let Some(answer) = once.settle(record, now)? {
        return Ok(answer);
    }
    if is_asked(&found.order, OrderMove::Cancel, &who.account()) {
        return Reply::accepted(&found.view(viewer));
    }
    found.may(viewer, OrderMove::Cancel)?;
    let (next, command) = found.order.clone().asking(Command::Cancel, Some(who.account()), now);
    let reply = Reply::accepted(&found.after(next.clone()).view(viewer))?;
    let record = once.answered(&reply, now)?;
    let change = OrderChange { command: Some(&command), idempotency: Some(&record), ..OrderChange::of(&next) };
    let by = Asker { account: who.account(), viewer, action: OrderMove::Cancel, same: &|_| true };
    moves::commit(&app, &found, &change, by, Some(&once), reply).await
}
