//! The refusal of what an order's state does not allow.

use descrow_domain::order::{Order, OrderMove};

use crate::{ApiError, Code, FieldProblem};

impl ApiError {
    /// 409 that names the order's status, what is pending, and the moves that are allowed.
    pub fn order_state(order: &Order) -> Self {
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
        Self::with_details(Code::OrderState, "The order's status does not allow this.", details)
    }
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
