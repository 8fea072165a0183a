//! `GET /api/mpesa/transactions`: movements of shillings, newest first. One round trip; kind and status are filters on what was read,
//! so that a page may be short.

use axum::extract::State;
use descrow_domain::{
    payment::{PaymentKind, PaymentStatus},
    user::Role,
    view::PaymentView,
};
use descrow_store::PaymentList;
use descrow_web::{ApiError, Authenticated, Fields, Input, List, Page, Reply, Request};
use serde::Deserialize;

use crate::Mpesa;

/// The names of every kind.
const KINDS: [&str; 3] = ["collection", "payout", "refund"];
/// The names of every status.
const STATUSES: [&str; 10] =
    ["initiated", "pending", "confirming", "queued", "sending", "sent", "succeeded", "failed", "review", "withdrawn"];

/// Which payments to list.
#[derive(Debug, Deserialize)]
pub(crate) struct Filter {
    kind: Input<String>,
    status: Input<String>,
}

/// Which payments to list, in domain types.
#[derive(Clone, Debug)]
pub(crate) struct Chosen {
    kind: Option<PaymentKind>,
    status: Option<PaymentStatus>,
}

impl Request for Filter {
    type Valid = Chosen;

    fn validate(self, fields: &mut Fields) -> Option<Chosen> {
        let kind = fields.optional_choice("kind", self.kind, &KINDS);
        let status = fields.optional_choice("status", self.status, &STATUSES);
        Some(Chosen { kind: kind?, status: status? })
    }
}

/// Lists what you paid and were paid by M-Pesa, newest first; admins see everybody's.
///
/// A page may hold fewer than `limit`, or none: go on while `nextCursor` is there.
#[utoipa::path(get, path = "/api/mpesa/transactions", tag = "mpesa", security(("token" = [])),
    params(
        ("limit" = Option<u32>, Query, minimum = 1, maximum = 100, description = "Entries of a page; 20 where absent."),
        ("cursor" = Option<String>, Query, description = "`nextCursor` of the page before."),
        ("kind" = Option<String>, Query, pattern = "^(collection|payout|refund)$", example = "payout", description = "Only of this kind."),
        ("status" = Option<String>, Query, pattern = "^(initiated|pending|confirming|queued|sending|sent|succeeded|failed|review|withdrawn)$", example = "succeeded", description = "Only with this status."),
    ),
    responses((status = 200, description = "A page of payments", body = List<PaymentView>)))]
pub(crate) async fn transactions(
    State(app): State<Mpesa>,
    who: Authenticated,
    page: Page<Filter>,
) -> Result<Reply, ApiError> {
    let admin = who.role() == Role::Admin;
    let of = (!admin).then(|| who.account());
    let position: Option<String> = page.position()?;
    let limit = usize::try_from(page.limit).unwrap_or(usize::MAX);
    let Chosen { kind, status } = page.filter;
    let wanted = PaymentList { of, kind, status, position: position.as_deref(), limit };
    let found = app.store.payments().list(&wanted).await?;
    let view =
        |payment| if admin { PaymentView::for_admin(payment) } else { PaymentView::new(payment, &who.account()) };
    Reply::ok(&page.list(found.items.iter().map(view).collect(), found.next)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_names_are_those_of_the_rows() {
        for name in STATUSES {
            let status: PaymentStatus = serde_json::from_value(name.into()).unwrap();
            assert_eq!(status.as_str(), name);
        }
        for name in KINDS {
            assert!(serde_json::from_value::<PaymentKind>(name.into()).is_ok(), "{name}");
        }
    }
}
