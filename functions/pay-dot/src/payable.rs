//! Whether an order can be paid in DOT now, and what its buyer is told where it cannot.

use descrow_domain::{
    Timestamp,
    order::{Actor, Money, Order, OrderMove, PaymentMode, Refusal},
};
use descrow_store::{Found, Store, StoreError, Wanted};
use descrow_web::{ApiError, Code};

/// Whether the buyer may pay now; or, where it says that the payment is `sent`, whether that is still heard: also while the order
/// is being given up, since the contract may have taken the payment first.
///
/// # Errors
/// 409 that names the order's status, what stands against it, and the buyer's moves.
pub(crate) async fn check(store: &Store, order: &Order, sent: bool, now: Timestamp) -> Result<(), ApiError> {
    let found = shillings(store, order).await?;
    let money = Money { payment: found.payment.as_ref(), payout: found.payout.as_ref() };
    match order.may(Actor::Buyer, OrderMove::Fund, money) {
        Ok(_) => {}
        Err(Refusal::Pending(_)) if sent => {}
        Err(why) => return Err(ApiError::refused(order, Actor::Buyer, money, why)),
    }
    let against = |against| Err(ApiError::order_moves(order, Actor::Buyer, money, Code::OrderState, Some(against)));
    if order.payment_mode != PaymentMode::Dot {
        return against(("paymentMode", order.payment_mode.as_str().to_owned()));
    }
    if let Some(end) = order.deadlines.payment.filter(|end| *end <= now) {
        return against(("deadline", end.rfc3339()));
    }
    Ok(())
}

/// The payments by M-Pesa that the order names, which decide what its buyer may do instead. One in DOT names none.
async fn shillings(store: &Store, order: &Order) -> Result<Found, StoreError> {
    let (payment, payout) = (order.payment_id, order.payout_id);
    if payment.is_none() && payout.is_none() {
        return Ok(Found::default());
    }
    store.read_together(&Wanted { payment, payout, ..Wanted::default() }).await
}
