//! `/api/orders/{id}/evidence`: what the parties to a dispute show.
//!
//! Round trips: the list 1; adding 2: session, quota, key and order at once, then the row in a transaction with the check
//! that its dispute takes evidence at that moment.

use axum::extract::State;
use descrow_domain::{
    Account, EvidenceId, OrderId, Timestamp,
    evidence::{Evidence, EvidenceKind},
    order::{OrderStatus, Viewer},
};
use descrow_ipfs::{Gateways, validate_cid};
use descrow_store::EvidenceAdded;
use descrow_web::{ApiError, Authenticated, Code, Id, IdempotencyKey, List, Once, Page, Reply, RequestInfo};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    Orders,
    brought::Brought,
    exhibit::{AddEvidence, EvidenceForm, Source},
    footing::{Footing, party, seen, viewer},
    pinned,
};

/// A piece of evidence.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct EvidenceView {
    /// Its id.
    #[schema(value_type = String, format = "uuid")]
    id: EvidenceId,
    /// The order that is disputed.
    #[schema(value_type = String, format = "uuid")]
    order_id: OrderId,
    /// The party who brought it.
    #[schema(value_type = String)]
    by: Account,
    /// What it is.
    kind: EvidenceKind,
    /// What it shows, in the party's words.
    description: Option<String>,
    /// CID of the content.
    cid: String,
    /// Where a browser finds the content.
    url: Option<String>,
    /// Bytes of the content.
    size: u64,
    /// Media type of the content.
    media_type: String,
    /// When it was brought (RFC 3339).
    created_at: String,
}

impl EvidenceView {
    fn new(evidence: &Evidence, gateways: &Gateways) -> Self {
        Self {
            id: evidence.id,
            order_id: evidence.order_id,
            by: evidence.by,
            kind: evidence.kind,
            description: evidence.description.as_ref().map(|text| text.as_str().to_owned()),
            cid: evidence.cid.clone(),
            url: validate_cid(&evidence.cid).ok().and_then(|cid| gateways.public_url(cid)),
            size: evidence.size,
            media_type: evidence.media_type.clone(),
            created_at: evidence.created_at.rfc3339(),
        }
    }
}

/// Lists the evidence in an order's dispute, oldest first.
///
/// For the two parties and for admins.
#[utoipa::path(get, path = "/api/orders/{id}/evidence", tag = "orders", operation_id = "listEvidence",
    security(("token" = [])),
    params(("id" = String, Path, format = "uuid", description = "The order's id.")),
    responses((status = 200, description = "A page of evidence", body = List<EvidenceView>)))]
pub(crate) async fn list(
    State(app): State<Orders>,
    who: Authenticated,
    Id(id): Id<OrderId>,
    page: Page,
) -> Result<Reply, ApiError> {
    let position: Option<String> = page.position()?;
    let limit = usize::try_from(page.limit).unwrap_or(usize::MAX);
    let (orders, evidence) = (app.store.orders(), app.store.evidence());
    let (order, found) = tokio::try_join!(orders.get(id), evidence.of_order(id, position.as_deref(), limit))?;
    let order = order.ok_or_else(ApiError::not_found)?;
    viewer(&order, &who.account(), who.role())?;
    let items: Vec<EvidenceView> = found.items.iter().map(|row| EvidenceView::new(row, &app.gateways)).collect();
    Reply::ok(&page.list(items, found.next)?)
}

/// Adds evidence to a dispute.
///
/// Until the evidence deadline, by the two parties. It is published on IPFS: images without metadata, everything else as it
/// is. Up to 4 MiB in a form; what is larger goes to the URL that `POST /api/orders/{id}/evidence/uploads` gives, and is then
/// named here by its id.
#[utoipa::path(post, path = "/api/orders/{id}/evidence", tag = "orders", operation_id = "addEvidence",
    security(("token" = [])),
    params(("id" = String, Path, format = "uuid", description = "The order's id."),
        ("Idempotency-Key" = String, Header, description = "Any text of yours; the same request with it is done once.")),
    request_body(content((AddEvidence = "application/json"), (EvidenceForm = "multipart/form-data"))),
    responses((status = 201, description = "Added", body = EvidenceView),
        (status = 403, description = "`wrong_role`: an admin asks"),
        (status = 409, description = "`evidence_closed`: there is no dispute, or its deadline has passed"),
        (status = 502, description = "`content_service_error`: the content store failed")))]
pub(crate) async fn add(
    State(app): State<Orders>,
    who: Authenticated,
    Id(id): Id<OrderId>,
    key: IdempotencyKey,
    info: RequestInfo,
    Brought(exhibit): Brought<AddEvidence>,
) -> Result<Reply, ApiError> {
    let once = Once::new(key, who.account());
    let now = Timestamp::now();
    let limits = app.store.limits();
    let read = async { tokio::try_join!(Footing::read(&app.store, id), limits.idempotency(once.id(), now)) };
    let (who, (found, record)) = app.edge.live(who, read).await?;
    let (account, deadline) = (who.account(), info.deadline());
    let (found, viewer) = seen(found, &account, who.role())?;
    party(&found.order, &account)?;
    if let Some(answer) = once.settle(record, now)? {
        return Ok(answer);
    }
    if !found.order.takes_evidence(now) {
        return Err(closed(&found, viewer));
    }
    let upload = if let Source::Upload(upload) = exhibit.source { Some(upload) } else { None };
    let evidence = pinned::evidence(&app, id, account, exhibit, deadline).await?;
    let location = format!("/api/orders/{id}/evidence");
    let reply = Reply::created(location, &EvidenceView::new(&evidence, &app.gateways))?;
    let now = evidence.created_at;
    let record = once.answered(&reply, now)?;
    let notice = evidence.notice(&found.order);
    match app.store.evidence().add(&evidence, notice.as_ref(), Some(&record), now).await? {
        EvidenceAdded::Done => {}
        EvidenceAdded::Replay(record) => return once.settle_refused(*record, now),
        EvidenceAdded::Closed(Some(order)) => return Err(closed(&found.after(*order), viewer)),
        EvidenceAdded::Closed(None) => return Err(ApiError::not_found()),
    }
    if let Some(upload) = upload {
        upload.discard(&app.bucket, account, deadline).await;
    }
    Ok(reply)
}

/// 409: the order takes no evidence (any more).
pub(crate) fn closed(found: &Footing, viewer: Viewer) -> ApiError {
    let order = &found.order;
    let ended = order.deadlines.evidence.filter(|_| order.status == OrderStatus::Disputed);
    let against = ended.map(|ended| ("deadline", ended.rfc3339()));
    found.refused(viewer, Code::EvidenceClosed, against)
}
