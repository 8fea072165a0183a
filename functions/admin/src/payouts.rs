//! `POST /api/admin/payouts/{id}/retry`: another attempt at a payout or refund that finally failed, or whose request M-Pesa
//! refused.
//!
//! It goes to the number that its user's profile has by now, since a wrong number is the usual cause.

use axum::extract::State;
use descrow_domain::{
    PaymentId, Timestamp,
    audit::{AuditAction, AuditEntry},
    order::{Actor, Money},
    payment::{Payment, PaymentKind},
    view::PaymentView,
};
use descrow_store::Retried;
use descrow_web::{Admin, ApiError, Code, FieldProblem, Id, Reply};

use crate::{Office, impartial};

/// Sends a payout or refund again that failed, or whose request M-Pesa refused: of both nothing was paid.
///
/// The attempt is a payment of its own. Asking again for the same one shows that attempt. Where the order's dispute was decided
/// otherwise while the payout was on its way, the shares of that decision are sent instead.
#[utoipa::path(post, path = "/api/admin/payouts/{id}/retry", tag = "admin", security(("token" = [])),
    params(("id" = String, Path, format = "uuid", description = "The id of the payout or refund that failed.")),
    responses((status = 202, description = "Queued: the new attempt", body = PaymentView),
        (status = 403, description = "`wrong_role`: not an admin, or a party to the order"),
        (status = 409, description = "`payment_state`: it may have been paid, or was tried too often; `order_state`: the order no longer owes it")))]
pub(crate) async fn retry(State(app): State<Office>, admin: Admin, Id(id): Id<PaymentId>) -> Result<Reply, ApiError> {
    let (admin, failed) = app.edge.live(admin, app.store.payments().get(id)).await?;
    let failed = failed.filter(|payment| payment.kind != PaymentKind::Collection).ok_or_else(ApiError::not_found)?;
    impartial(admin.account(), &[failed.user_id])?;
    let now = Timestamp::now();
    // Whether it may be tried at all is known before its user is.
    failed.again(None, now).ok_or_else(|| refused(&failed))?;
    let (users, payments) = (app.store.users(), app.store.payments());
    let (user, order) = tokio::try_join!(users.get(&failed.user_id), payments.with_order(failed.order_id))?;
    let (order, known) = order.ok_or_else(ApiError::not_found)?;
    impartial(admin.account(), &[order.buyer_id, order.seller_id])?;
    let phone = user.and_then(|user| user.phone);
    let collected = known.iter().find(|payment| Some(payment.id) == order.payment_id);
    let shares = failed.shares_instead(&order, collected, phone.clone(), now);
    let next = failed.again(phone, now).ok_or_else(|| refused(&failed))?;
    let next = shares.as_ref().and_then(|shares| shares.first()).unwrap_or(&next);
    let audit =
        AuditEntry::new(admin.account(), AuditAction::RetryPayout, format!("mpesa_transactions/{id}"), None, now)
            .with("attempt", &next.id)
            .with("order", &failed.order_id)
            .with("amountKes", &next.amount_kes.0)
            .with("otherNumber", &(next.kind == failed.kind && next.phone != failed.phone));
    let retried = match &shares {
        Some(shares) => payments.pay_shares(&failed, shares, &audit).await?,
        None => payments.retry(&failed, next, Some(&audit)).await?,
    };
    match retried {
        Retried::Done => {
            tracing::info!(payment_id = %id, attempt = %next.id, "admin.payout_retried");
            Reply::accepted(&PaymentView::for_admin(next))
        }
        Retried::Known(known) => Reply::accepted(&PaymentView::for_admin(&known)),
        Retried::Stale(Some(now)) => Err(refused(&now)),
        Retried::OrderMoved(Some(order)) => {
            Err(ApiError::order_moves(&order, Actor::Admin, Money::default(), Code::OrderState, None))
        }
        Retried::Stale(None) | Retried::OrderMoved(None) => Err(ApiError::not_found()),
    }
}

fn refused(payment: &Payment) -> ApiError {
    let details = vec![FieldProblem { field: "status".to_owned(), message: payment.status.as_str().to_owned() }];
    ApiError::with_details(
        Code::PaymentState,
        "Only what certainly paid nothing is sent again, and not without end.",
        details,
    )
}
