//! `POST /api/orders/{id}/ship`: the seller sent the parcel.
//!
//! The tracking document is pinned before the move is asked for: the contract never names content that nobody has.

use axum::extract::State;
use descrow_domain::{
    Account, OrderId, Timestamp,
    command::Command,
    evidence::EvidenceKind,
    order::{Order, OrderMove, Tracking},
    text::Text,
    view::OrderView,
};
use descrow_platform::Deadline;
use descrow_store::OrderChange;
use descrow_web::{ApiError, Authenticated, Body, Fields, Id, Input, Reply, Request, RequestInfo, uploads::UploadId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    Orders,
    footing::{Footing, seen},
    moves::{self, Asker, is_asked},
    pinned,
};

/// How the parcel can be followed.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ShipOrder {
    /// Who carries it.
    #[schema(value_type = String, min_length = 1, max_length = 100, example = "G4S Kenya")]
    carrier: Input<String>,
    /// The carrier's number for it. Published: it must not say who the receiver is.
    #[schema(value_type = String, min_length = 1, max_length = 100, example = "KE-20261122-7")]
    tracking_number: Input<String>,
    /// The id of an upload of yours (`POST /api/orders/{id}/evidence/uploads`): the carrier's paper, an image or a PDF.
    /// Published, too.
    #[schema(value_type = Option<String>, pattern = "^[0-9a-f]{64}$", example = "2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae")]
    document: Input<String>,
}

/// How the parcel can be followed, in domain types.
#[derive(Clone, Debug)]
pub struct Shipment {
    carrier: Text<1, 100>,
    number: Text<1, 100>,
    document: Option<UploadId>,
}

impl Request for ShipOrder {
    type Valid = Shipment;

    fn validate(self, fields: &mut Fields) -> Option<Shipment> {
        let carrier = fields.required("carrier", self.carrier);
        let number = fields.required("trackingNumber", self.tracking_number);
        let document = fields.optional("document", self.document);
        Some(Shipment { carrier: carrier?, number: number?, document: document? })
    }
}

impl Shipment {
    /// Whether it is the one that is pending already. Which paper it has is not compared: its upload is gone once it is
    /// published.
    fn is(&self, order: &Order) -> bool {
        let same = |t: &Tracking| {
            t.carrier == self.carrier && t.number == self.number && t.document.is_some() == self.document.is_some()
        };
        order.tracking.as_ref().is_some_and(same)
    }
}

/// The parcel, as the tracking document has it: what the contract's `markShipped` names. It refers to the order as the contract does, and holds
/// nothing that differs between two attempts, so that both have one CID.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Parcel<'a> {
    version: u32,
    order_ref: String,
    carrier: &'a str,
    tracking_number: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    document: Option<&'a str>,
}

/// The version of the document's shape.
const VERSION: u32 = 1;

/// Says that the parcel is on its way.
///
/// Asking again with the same data while it is pending changes nothing and answers the same.
#[utoipa::path(post, path = "/api/orders/{id}/ship", tag = "orders", security(("token" = [])),
    params(("id" = String, Path, format = "uuid", description = "The order's id.")), request_body = ShipOrder,
    responses((status = 202, description = "Pending until its event is final on the chain", body = OrderView),
        (status = 403, description = "`wrong_role`: somebody else than the seller asks"),
        (status = 409, description = "`order_state` or `version_conflict`; `details` names status and allowed moves"),
        (status = 502, description = "`content_service_error`: the content store failed")))]
pub(crate) async fn ship(
    State(app): State<Orders>,
    who: Authenticated,
    Id(id): Id<OrderId>,
    info: RequestInfo,
    Body(shipment): Body<ShipOrder>,
) -> Result<Reply, ApiError> {
    let (who, found) = app.edge.live(who, Footing::read(&app.store, id)).await?;
    let account = who.account();
    let (found, viewer) = seen(found, &account, who.role())?;
    if is_asked(&found.order, OrderMove::Ship, &account) && shipment.is(&found.order) {
        return Reply::accepted(&found.view(viewer));
    }
    found.may(viewer, OrderMove::Ship)?;
    let tracking = published(&app, &found.order, account, &shipment, info.deadline()).await?;
    let command = Command::MarkShipped { tracking_cid: tracking.cid.clone() };
    let order = Order { tracking: Some(tracking), ..found.order.clone() };
    let (next, command) = order.asking(command, Some(account), Timestamp::now());
    let reply = Reply::accepted(&found.after(next.clone()).view(viewer))?;
    let change = OrderChange { command: Some(&command), ..OrderChange::of(&next) };
    let same = |order: &Order| shipment.is(order);
    let by = Asker { account, viewer, action: OrderMove::Ship, same: &same };
    let reply = moves::commit(&app, &found, &change, by, None, reply).await?;
    if let Some(upload) = shipment.document {
        upload.discard(&app.bucket, account, info.deadline()).await;
    }
    Ok(reply)
}

/// Pins the paper and the document that names it.
async fn published(
    app: &Orders,
    order: &Order,
    account: Account,
    shipment: &Shipment,
    deadline: Deadline,
) -> Result<Tracking, ApiError> {
    let paper = match shipment.document {
        Some(upload) => Some(paper(app, account, upload, deadline).await?),
        None => None,
    };
    let document = Parcel {
        version: VERSION,
        order_ref: pinned::reference(order.id),
        carrier: shipment.carrier.as_str(),
        tracking_number: shipment.number.as_str(),
        document: paper.as_deref(),
    };
    let cid = pinned::pin_document(app, "tracking.json", &document, deadline).await?.to_string();
    Ok(Tracking { carrier: shipment.carrier.clone(), number: shipment.number.clone(), cid, document: paper })
}

/// Pins the carrier's paper.
async fn paper(app: &Orders, account: Account, upload: UploadId, deadline: Deadline) -> Result<String, ApiError> {
    const FIELD: &str = "document";
    let content = pinned::uploaded(app, account, upload, FIELD, deadline).await?;
    if !matches!(content.format.kind(), EvidenceKind::Image | EvidenceKind::Document) {
        return Err(ApiError::field(FIELD, "must be an image or a PDF"));
    }
    pinned::pin(app, &content, deadline).await.map(|cid| cid.to_string())
}
