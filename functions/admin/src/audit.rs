//! `GET /api/admin/audit`: what admins did, newest first. One round trip.

use std::collections::BTreeMap;

use axum::extract::State;
use descrow_domain::{
    Account, AuditId,
    audit::{AuditAction, AuditEntry},
};
use descrow_web::{Admin, ApiError, List, Page, Reply};
use serde::Serialize;
use utoipa::ToSchema;

use crate::Office;

/// What an admin did.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct AuditView {
    /// The entry's id; later ones are greater.
    #[schema(value_type = String, format = "uuid")]
    id: AuditId,
    /// When (RFC 3339).
    at: String,
    /// Who.
    #[schema(value_type = String)]
    admin: Account,
    /// What.
    action: AuditAction,
    /// On what: `orders/<id>`, `users/<account>` or `mpesa_transactions/<id>`.
    #[schema(example = "orders/0193a1f0-0000-7000-8000-0000000000a1")]
    subject: String,
    /// Why, in the admin's words.
    #[schema(example = "The picture shows a torn seam.")]
    reason: Option<String>,
    /// What else there is to remember.
    #[schema(example = json!({"resolution": "split", "sellerBps": "5000"}))]
    details: BTreeMap<String, String>,
}

impl From<AuditEntry> for AuditView {
    fn from(entry: AuditEntry) -> Self {
        let AuditEntry { day: _, id, at, admin, action, subject, reason, details } = entry;
        Self { id, at: at.rfc3339(), admin, action, subject, reason, details }
    }
}

/// Lists what admins did, newest first.
///
/// A page may be short and still be followed by another one.
#[utoipa::path(get, path = "/api/admin/audit", tag = "admin", security(("token" = [])),
    params(
        ("limit" = Option<u32>, Query, minimum = 1, maximum = 100, description = "Entries of a page; 20 where absent."),
        ("cursor" = Option<String>, Query, description = "`nextCursor` of the page before."),
    ),
    responses((status = 200, description = "A page of the log", body = List<AuditView>)))]
pub(crate) async fn audit(State(app): State<Office>, _admin: Admin, page: Page) -> Result<Reply, ApiError> {
    let position: Option<String> = page.position()?;
    let limit = usize::try_from(page.limit).unwrap_or(usize::MAX);
    let found = app.store.audit().list(position.as_deref(), limit).await?;
    Reply::ok(&page.list(found.items.into_iter().map(AuditView::from).collect(), found.next)?)
}
