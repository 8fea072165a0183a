//! A move of an order that the chain must confirm: checked, then pending together with its command.

use descrow_domain::{
    Account,
    order::{Actor, Order, OrderMove, Refusal, Viewer},
    payment::Payment,
};
use descrow_store::{OrderChange, Requested};
use descrow_web::{ApiError, Code, Once, Reply};

use crate::{Orders, footing::Footing};

/// Whether the move is pending already, asked for by the same account: asking again changes nothing.
pub(crate) fn is_asked(order: &Order, action: OrderMove, by: &Account) -> bool {
    order.pending.as_ref().is_some_and(|pending| pending.action == action && pending.by == Some(*by))
}

/// Who asks for which move.
#[derive(Clone, Copy)]
pub(crate) struct Asker<'a> {
    /// The account.
    pub(crate) account: Account,
    /// What it is to the order.
    pub(crate) viewer: Viewer,
    /// The move.
    pub(crate) action: OrderMove,
    /// Whether what is pending is what is asked for, too, where the same account asked for the same move.
    pub(crate) same: &'a (dyn Fn(&Order) -> bool + Sync),
}

/// Commits a change that was allowed on `found`, and answers `reply`. Where the order changed meanwhile, says what stands
/// against the move now.
///
/// # Errors
/// 409
pub(crate) async fn commit(
    app: &Orders,
    found: &Footing,
    change: &OrderChange<'_>,
    by: Asker<'_>,
    once: Option<&Once>,
    reply: Reply,
) -> Result<Reply, ApiError> {
    match app.store.orders().change(change).await? {
        Requested::Done => Ok(reply),
        Requested::Replay(record) => {
            let once = once.ok_or_else(ApiError::not_found)?;
            once.settle_refused(*record, change.order.updated_at)
        }
        // Asked twice at once: the other request made it pending, or something else came in between.
        Requested::Stale(Some(now)) => {
            let now = found.after(*now);
            if is_asked(&now.order, by.action, &by.account) && (by.same)(&now.order) {
                return Reply::accepted(&now.view(by.viewer));
            }
            now.may(by.viewer, by.action)?;
            Err(ApiError::new(Code::VersionConflict, "The order changed meanwhile. Read it again."))
        }
        Requested::Stale(None) => Err(ApiError::not_found()),
        Requested::PayoutSent(payout) => Err(payout_sent(found, by.viewer, payout.map(|payout| *payout))),
    }
}

/// The payout left while it was being taken back.
fn payout_sent(found: &Footing, viewer: Viewer, payout: Option<Payment>) -> ApiError {
    let mut known = found.clone();
    known.payments.retain(|payment| Some(payment.id) != known.order.payout_id);
    known.payments.extend(payout);
    ApiError::refused(&known.order, Actor::from(viewer), known.money(), Refusal::PayoutSent)
}
