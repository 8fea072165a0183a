//! `POST /api/orders/{id}/dispute`: a party asks an admin to decide.
//!
//! The first evidence is pinned before the move is asked for: the contract never names content that nobody has. What the
//! contract names is a document that refers to the evidence as it is, and to the order as the contract does; the reason stays
//! here.

use axum::extract::State;
use descrow_domain::{
    OrderId, Timestamp,
    dispute::Reason,
    evidence::Evidence,
    order::{OrderMove, OrderStatus},
    payment::Payment,
    view::OrderView,
};
use descrow_platform::Deadline;
use descrow_store::OrderChange;
use descrow_web::{
    ApiError, Authenticated, Fields, Id, IdempotencyKey, Input, Nested, Once, Reply, Request, RequestInfo,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    Orders,
    brought::{Brought, Filled, Form},
    exhibit::{AddEvidence, Exhibit, Source, in_form},
    footing::{Footing, seen},
    moves::{self, Asker},
    pinned,
};

/// A dispute to be raised.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RaiseDispute {
    /// What is wrong.
    #[schema(value_type = String, min_length = 3, max_length = 1000, example = "The bag has a hole.")]
    reason: Input<String>,
    /// The first evidence.
    #[schema(value_type = Option<AddEvidence>)]
    evidence: Input<Nested<AddEvidence>>,
}

/// A dispute with its first evidence in a form.
#[derive(ToSchema)]
pub struct DisputeForm {
    /// What is wrong.
    #[schema(min_length = 3, max_length = 1000)]
    #[allow(dead_code, reason = "read from the form by name; the type is there for the document")]
    reason: String,
    /// An image (JPEG, PNG, WebP), a PDF, a film (MP4, `WebM`) or a text in UTF-8 of at most 4 MiB.
    #[schema(value_type = Option<String>, format = Binary, content_media_type = "application/octet-stream")]
    #[allow(dead_code, reason = "read from the form by name; the type is there for the document")]
    file: Option<Vec<u8>>,
    /// What the file shows.
    #[schema(min_length = 1, max_length = 2000)]
    #[allow(dead_code, reason = "read from the form by name; the type is there for the document")]
    description: Option<String>,
}

/// A dispute to be raised, in domain types.
#[derive(Clone, Debug)]
pub struct NewDispute {
    reason: Reason,
    exhibit: Option<Exhibit>,
}

impl Request for RaiseDispute {
    type Valid = NewDispute;

    fn validate(self, fields: &mut Fields) -> Option<NewDispute> {
        let reason = fields.required("reason", self.reason);
        let exhibit = match self.evidence {
            Input::Absent => Some(None),
            given => fields.nested("evidence", given, |_, raw, fields| raw.exhibit("evidence.", fields)).map(Some),
        };
        Some(NewDispute { reason: reason?, exhibit: exhibit? })
    }
}

impl Form for RaiseDispute {
    const TEXTS: &'static [&'static str] = &["reason", "description"];

    fn filled(mut form: Filled, fields: &mut Fields) -> Option<NewDispute> {
        let reason = fields.required("reason", form.text("reason"));
        let description = fields.optional("description", form.text("description"));
        let (reason, description) = (reason?, description?);
        if form.file.is_none() && description.is_some() {
            fields.refuse("file", "is required where it is described");
        }
        Some(NewDispute { reason, exhibit: form.file.map(|file| in_form(&file, description)) })
    }
}

/// What the contract's `raiseDispute` names.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Document<'a> {
    version: u32,
    order_ref: String,
    evidence: Shown<'a>,
}

/// The evidence, as the document names it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Shown<'a> {
    cid: &'a str,
    media_type: &'a str,
    size: u64,
}

/// The version of the document's shape.
const VERSION: u32 = 1;

/// Disputes an order.
///
/// Both parties may, from when it is paid until the seller has the money; a payout by M-Pesa that is not sent yet is taken
/// back. The evidence is published on IPFS, and the contract names it: images without metadata, everything else as it is.
#[utoipa::path(post, path = "/api/orders/{id}/dispute", tag = "orders", security(("token" = [])),
    params(("id" = String, Path, format = "uuid", description = "The order's id."),
        ("Idempotency-Key" = String, Header, description = "Any text of yours; the same request with it is done once.")),
    request_body(content((RaiseDispute = "application/json"), (DisputeForm = "multipart/form-data"))),
    responses((status = 202, description = "Pending until its event is final on the chain", body = OrderView),
        (status = 403, description = "`wrong_role`: an admin asks"),
        (status = 409, description = "`order_state` or `version_conflict`; `details` names status and allowed moves"),
        (status = 502, description = "`content_service_error`: the content store failed")))]
pub(crate) async fn dispute(
    State(app): State<Orders>,
    who: Authenticated,
    Id(id): Id<OrderId>,
    key: IdempotencyKey,
    info: RequestInfo,
    Brought(new): Brought<RaiseDispute>,
) -> Result<Reply, ApiError> {
    let once = Once::new(key, who.account());
    let now = Timestamp::now();
    let limits = app.store.limits();
    let read = async { tokio::try_join!(Footing::read(&app.store, id), limits.idempotency(once.id(), now)) };
    let (who, (found, record)) = app.edge.live(who, read).await?;
    let (account, deadline) = (who.account(), info.deadline());
    let (found, viewer) = seen(found, &account, who.role())?;
    if let Some(answer) = once.settle(record, now)? {
        return Ok(answer);
    }
    found.may(viewer, OrderMove::Dispute)?;
    let upload = new.exhibit.as_ref().and_then(|exhibit| match exhibit.source {
        Source::Upload(upload) => Some(upload),
        Source::Text(_) | Source::File(_) => None,
    });
    let evidence = match new.exhibit {
        Some(exhibit) => Some(pinned::evidence(&app, id, account, exhibit, deadline).await?),
        None => None,
    };
    let cid = named_on_chain(&app, id, evidence.as_ref(), deadline).await?;
    let now = Timestamp::now();
    let (next, command) = found.order.clone().disputing(new.reason, cid, account, now);
    let withdraw = taken_back(&found, now);
    let reply = Reply::accepted(&found.after(next.clone()).view(viewer))?;
    let record = once.answered(&reply, now)?;
    let change = OrderChange {
        command: Some(&command),
        withdraw: withdraw.as_ref(),
        evidence: evidence.as_ref(),
        idempotency: Some(&record),
        ..OrderChange::of(&next)
    };
    // Another dispute of the same account's has another reason.
    let by = Asker { account, viewer, action: OrderMove::Dispute, same: &|_| false };
    let reply = moves::commit(&app, &found, &change, by, Some(&once), reply).await?;
    if let Some(upload) = upload {
        upload.discard(&app.bucket, account, deadline).await;
    }
    Ok(reply)
}

/// The CID for the contract; empty where there is no evidence yet.
async fn named_on_chain(
    app: &Orders,
    order: OrderId,
    evidence: Option<&Evidence>,
    deadline: Deadline,
) -> Result<String, ApiError> {
    let Some(evidence) = evidence else { return Ok(String::new()) };
    let shown = Shown { cid: &evidence.cid, media_type: &evidence.media_type, size: evidence.size };
    let document = Document { version: VERSION, order_ref: pinned::reference(order), evidence: shown };
    pinned::pin_document(app, "evidence.json", &document, deadline).await.map(|cid| cid.to_string())
}

/// The payout of a delivered order, taken back before it is sent.
fn taken_back(found: &Footing, now: Timestamp) -> Option<Payment> {
    let delivered = found.order.status == OrderStatus::Delivered;
    found.money().payout.filter(|_| delivered)?.withdrawn(now)
}
