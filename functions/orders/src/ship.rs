//! `POST /api/orders/{id}/ship`: the seller sent the parcel.
//!
//! The tracking document is pinned before the move is asked for: the contract never names content that nobody has.

use axum::extract::State;
use descrow_domain::{
    OrderId,
    command::Command,
    order::{Order, OrderMove, Party, Tracking, order_ref},
    text::Text,
    view::OrderView,
};
use descrow_ipfs::{ContentId, File, PinService, canonical_json};
use descrow_platform::Deadline;
use descrow_web::{ApiError, Authenticated, Body, Code, Fields, Id, Input, Reply, Request, RequestInfo};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    Orders,
    footing::{Footing, of_only},
    moves::{self, illegal},
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
}

/// How the parcel can be followed, in domain types.
#[derive(Clone, Debug)]
pub struct Shipment {
    carrier: Text<1, 100>,
    number: Text<1, 100>,
}

impl Request for ShipOrder {
    type Valid = Shipment;

    fn validate(self, fields: &mut Fields) -> Option<Shipment> {
        let carrier = fields.required("carrier", self.carrier);
        let number = fields.required("trackingNumber", self.tracking_number);
        Some(Shipment { carrier: carrier?, number: number? })
    }
}

/// The tracking document: what the contract's `markShipped` names. It refers to the order as the contract does, and holds
/// nothing that differs between two attempts, so that both have one CID.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Document<'a> {
    version: u32,
    order_ref: String,
    carrier: &'a str,
    tracking_number: &'a str,
}

/// The version of the document's shape.
const VERSION: u32 = 1;

/// Says that the parcel is on its way.
///
/// Asking again with the same data while it is pending changes nothing and answers the same.
#[utoipa::path(post, path = "/api/orders/{id}/ship", tag = "orders", security(("token" = [])),
    params(("id" = String, Path, format = "uuid", description = "The order's id.")), request_body = ShipOrder,
    responses((status = 202, description = "Pending until its event is final on the chain", body = OrderView),
        (status = 403, description = "`wrong_role`: the buyer asks"),
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
    let mut found = of_only(found, &who.account(), Party::Seller)?;
    if moves::may(&found.order, OrderMove::Ship, &who.account())? {
        let cid = pin(&found.order, &shipment, app.pins.as_ref(), info.deadline()).await?.to_string();
        let command = Command::MarkShipped { tracking_cid: cid.clone() };
        let tracking = Tracking { carrier: shipment.carrier.clone(), number: shipment.number.clone(), cid };
        let order = Order { tracking: Some(tracking), ..found.order };
        found.order = moves::request(&app.store, order, OrderMove::Ship, command, who.account()).await?;
    }
    let same = |t: &Tracking| t.carrier == shipment.carrier && t.number == shipment.number;
    if found.order.tracking.as_ref().is_some_and(same) {
        return Reply::accepted(&found.view(&who.account()));
    }
    // Another shipment is pending already.
    Err(illegal(&found.order))
}

async fn pin(
    order: &Order,
    shipment: &Shipment,
    pins: &dyn PinService,
    deadline: Deadline,
) -> Result<ContentId, ApiError> {
    let document = Document {
        version: VERSION,
        order_ref: format!("0x{}", hex::encode(order_ref(order.id))),
        carrier: shipment.carrier.as_str(),
        tracking_number: shipment.number.as_str(),
    };
    let bytes = canonical_json(&document).map_err(ApiError::internal)?;
    let file = File { name: "tracking.json", media_type: "application/json", bytes: &bytes };
    pins.pin(file, deadline).await.map_err(|error| {
        let later = error.is_transient();
        let error = ApiError::caused(Code::ContentService, error);
        if later { error.retry_after(5) } else { error }
    })
}
