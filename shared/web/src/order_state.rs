//! The refusal of what an order's state does not allow.

use descrow_domain::order::{Actor, Money, Order, OrderMove, Refusal};

use crate::{ApiError, Code, FieldProblem};

impl ApiError {
    /// What `actor` is told of a refused move: 403 where it never is theirs, else 409 that names the order's status, what
    /// stands against the move, and the moves that `actor` may make now.
    pub fn refused(order: &Order, actor: Actor, money: Money<'_>, why: Refusal) -> Self {
        let (code, against) = match why {
            Refusal::NotYours => return Self::new(Code::WrongRole, "This move of the order is not yours."),
            Refusal::State(_) => (Code::OrderState, None),
            Refusal::Pending(action) => (Code::OrderState, Some(("pending", name(action)))),
            Refusal::PaymentOpen => (Code::PaymentInProgress, Some(("payment", "is under way".to_owned()))),
            Refusal::PaymentMade => (Code::PaymentInProgress, Some(("payment", "has come".to_owned()))),
            Refusal::PayoutSent => (Code::OrderState, Some(("payout", "is under way or done".to_owned()))),
        };
        Self::order_moves(order, actor, money, code, against)
    }

    /// 409 of `code` that names the order's status, what stands `against` the request, and the moves that `actor` may make.
    pub fn order_moves(
        order: &Order,
        actor: Actor,
        money: Money<'_>,
        code: Code,
        against: Option<(&str, String)>,
    ) -> Self {
        let detail = |field: &str, message: String| FieldProblem { field: field.to_owned(), message };
        let mut details = vec![detail("status", order.status.as_str().to_owned())];
        details.extend(against.map(|(field, message)| detail(field, message)));
        let allowed: Vec<String> = order.allowed(actor, money).into_iter().map(name).collect();
        details.push(detail("allowedMoves", allowed.join(", ")));
        Self::with_details(code, "The order's state does not allow this.", details)
    }

    /// 409 that names the order's status, what is pending, and the moves that `actor` may make.
    pub fn order_state(order: &Order, actor: Actor) -> Self {
        let against = order.pending.as_ref().map(|pending| ("pending", name(pending.action)));
        Self::order_moves(order, actor, Money::default(), Code::OrderState, against)
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
