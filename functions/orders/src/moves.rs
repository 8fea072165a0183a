//! A move of an order that the chain must confirm: checked, then pending together with its command.

use descrow_domain::{
    Account, Timestamp,
    command::{ChainCommand, Command},
    order::{Order, OrderMove, PendingAction},
};
use descrow_store::{Requested, Store};
use descrow_web::{ApiError, Code, FieldProblem};

/// Whether the order may take `action` now. `Ok(false)`: it is pending already, asked for by the same account.
///
/// # Errors
/// 409 that names the status, what is pending, and the moves that are allowed.
pub(crate) fn may(order: &Order, action: OrderMove, by: &Account) -> Result<bool, ApiError> {
    match &order.pending {
        Some(pending) if pending.action == action && pending.by == Some(*by) => Ok(false),
        None if order.status.after(action).is_ok() => Ok(true),
        _ => Err(illegal(order)),
    }
}

/// The order's state stands against what was asked.
pub(crate) fn illegal(order: &Order) -> ApiError {
    let detail = |field: &str, message: String| FieldProblem { field: field.to_owned(), message };
    let mut details = vec![detail("status", order.status.as_str().to_owned())];
    let allowed = match &order.pending {
        Some(pending) => {
            details.push(detail("pending", name(pending.action)));
            Vec::new()
        }
        None => order.status.allowed(),
    };
    let allowed: Vec<String> = allowed.into_iter().map(name).collect();
    details.push(detail("allowedMoves", allowed.join(", ")));
    ApiError::with_details(Code::OrderState, "The order's status does not allow this.", details)
}

/// The name of a move in the API.
fn name(action: OrderMove) -> String {
    match action {
        OrderMove::Fund => "fund",
        OrderMove::Ship => "ship",
        OrderMove::Deliver => "deliver",
        OrderMove::Complete => "complete",
        OrderMove::Dispute => "dispute",
        OrderMove::Resolve => "resolve",
        OrderMove::Cancel => "cancel",
    }
    .to_owned()
}

/// Makes `action` pending on `order`, whose other changes are made, and commits its command.
///
/// # Errors
/// 409 where the order changed meanwhile so that the move is no longer allowed.
pub(crate) async fn request(
    store: &Store,
    order: Order,
    action: OrderMove,
    command: Command,
    by: Account,
) -> Result<Order, ApiError> {
    let now = Timestamp::now();
    let command = ChainCommand::new(order.id, command, now);
    let next = Order {
        pending: Some(PendingAction { action, command_id: command.id.clone(), by: Some(by), at: now }),
        version: order.version.saturating_add(1),
        updated_at: now,
        ..order
    };
    match store.orders().request_move(&next, &command, None).await? {
        Requested::Done => Ok(next),
        // Asked twice at once: the other request made it pending, or something else came in between.
        Requested::Stale(Some(now)) if !may(&now, action, &by)? => Ok(*now),
        Requested::Stale(Some(_)) => {
            Err(ApiError::new(Code::VersionConflict, "The order changed meanwhile. Read it again."))
        }
        Requested::Stale(None) | Requested::PayoutSent(_) | Requested::Replay(_) => Err(ApiError::not_found()),
    }
}
