//! The route: who asks, about which order, and for which of the two.

use axum::extract::State;
use descrow_chain::ChainError;
use descrow_domain::{
    OrderId, Timestamp,
    order::{Order, Party},
    user::Role,
};
use descrow_store::Wanted;
use descrow_web::{
    ApiError, Authenticated, Body, Code, Fields, Id, IdempotencyKey, Input, Live, Once, Reply, Request, RequestInfo,
};
use serde::Deserialize;
use utoipa::ToSchema;

use crate::{
    PayDot, payable, report,
    view::{DotReport, UnsignedPayment},
    wallet_call,
};

/// When to ask a node again that did not answer, in seconds.
const ASK_AGAIN: u64 = 5;

/// Empty to get the call to sign; with the hash of the extrinsic once it was sent.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PayByDot {
    /// Hash of the extrinsic that the wallet sent.
    #[schema(value_type = Option<String>, pattern = "^0x[0-9a-fA-F]{64}$", example = "0x5c9d2ad2a4b1e4a1b9ad4b0a2d0a0e8f6a6c0e5a7d1b3c5f7a9e1d3b5c7f9a1b")]
    extrinsic_hash: Input<String>,
    /// Hash of the block that holds it, where the wallet knows it: then the answer tells what became of it.
    #[schema(value_type = Option<String>, pattern = "^0x[0-9a-fA-F]{64}$", example = "0x9140c18a58eb72382ff16c5f01ae5dc4575ed9a8034ca2c82f83dc7eab0ba917")]
    block_hash: Input<String>,
}

/// An extrinsic that the buyer says it sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sent {
    pub(crate) extrinsic: [u8; 32],
    pub(crate) block: Option<[u8; 32]>,
}

impl Request for PayByDot {
    type Valid = Option<Sent>;

    fn validate(self, fields: &mut Fields) -> Option<Option<Sent>> {
        let extrinsic = fields.optional_with("extrinsicHash", self.extrinsic_hash, hash);
        let block = fields.optional_with("blockHash", self.block_hash, hash);
        if let (Some(None), Some(Some(_))) = (extrinsic, block) {
            fields.refuse("extrinsicHash", "is required with blockHash");
        }
        let (extrinsic, block) = (extrinsic?, block?);
        Some(extrinsic.map(|extrinsic| Sent { extrinsic, block }))
    }
}

fn hash(text: &str) -> Result<[u8; 32], &'static str> {
    let mut bytes = [0; 32];
    let digits = text.strip_prefix("0x").ok_or(NO_HASH)?;
    hex::decode_to_slice(digits, &mut bytes).map_err(|_| NO_HASH)?;
    Ok(bytes)
}

const NO_HASH: &str = "must be 0x and 64 hex digits";

/// Gives the call with which the buyer's wallet pays an order in DOT, and takes the hash of what it sent.
///
/// Without a body's fields the answer is the call, to be signed and sent as it is by the buyer's account; where it has a
/// `prerequisite`, that one first. There is none while the contract could not pay the seller's account. With `extrinsicHash` the extrinsic is noted on the order; with `blockHash` too, the answer
/// tells what became of it: a payment of too little or too much is refused by the contract, and may be tried again. The order
/// becomes `funded` by the contract's event in a finalised block, reported or not.
#[utoipa::path(post, path = "/api/orders/{id}/pay/dot", tag = "orders", security(("token" = [])),
    params(("id" = String, Path, format = "uuid", description = "The order's id."),
        ("Idempotency-Key" = String, Header,
            description = "Any text of yours; the same report with it is taken once. The call is built anew each time.")),
    request_body = PayByDot,
    responses((status = 200, description = "The call to sign", body = UnsignedPayment),
        (status = 202, description = "Noted", body = DotReport),
        (status = 403, description = "`wrong_role`: somebody else than the buyer asks"),
        (status = 404, description = "`not_found`: no such order of yours"),
        (status = 409, description = "`order_state` or `payment_in_progress`: it cannot be paid (any more), and nothing that is \
            sent now is waited for; `details` names status, what stands against it, and allowed moves. `order_not_on_chain`, \
            `seller_not_payable` or `balance_too_low`: not yet, or an account is not ready on the chain. `version_conflict`; \
            or the key is in use"),
        (status = 503, description = "`chain_unavailable`: the chain's node does not answer")))]
pub(crate) async fn pay_dot(
    State(app): State<PayDot>,
    who: Authenticated,
    Id(id): Id<OrderId>,
    key: IdempotencyKey,
    info: RequestInfo,
    Body(sent): Body<PayByDot>,
) -> Result<Reply, ApiError> {
    let once = Once::new(key, who.account());
    let wanted = Wanted { order: Some(id), idempotency: Some(once.id().to_owned()), ..Wanted::default() };
    let found = app.edge.live(who, app.store.read_together(&wanted));
    // Only what asks the chain waits for it; a connection that is not there yet is made while the order is read.
    let asks = sent.is_none_or(|sent| sent.block.is_some());
    let chain = async { if asks { Some(app.connector.chain(info.deadline()).await) } else { None } };
    let (found, chain) = tokio::join!(found, chain);
    let (who, found) = found?;
    let order = buyers_own(found.order, &who)?;
    let now = Timestamp::now();
    let Some(sent) = sent else {
        payable::check(&app.store, &order, false, now).await?;
        let chain = chain.transpose().map_err(unavailable)?.ok_or_else(no_chain)?;
        return wallet_call::build(&app, &chain, &order, info.deadline()).await;
    };
    if let Some(answer) = once.settle(found.idempotency, now)? {
        return Ok(answer);
    }
    if report::has_paid(sent, &order) {
        return report::paid(&order, sent);
    }
    payable::check(&app.store, &order, true, now).await?;
    let chain = chain.transpose().map_err(unavailable)?;
    let funding = report::look_up(&app, chain.as_ref(), &order, sent, info.deadline()).await?;
    report::note(&app, order, sent, funding, &once).await
}

/// The order, where its buyer asks. To a stranger there is no order.
fn buyers_own(order: Option<Order>, who: &Live<Authenticated>) -> Result<Order, ApiError> {
    let order = order.ok_or_else(ApiError::not_found)?;
    match order.party(&who.account()) {
        Some(Party::Buyer) => Ok(order),
        None if who.role() != Role::Admin => Err(ApiError::not_found()),
        Some(Party::Seller) | None => Err(ApiError::new(Code::WrongRole, "Only the buyer of the order may do this.")),
    }
}

/// The node could not be asked.
pub(crate) fn unavailable(error: ChainError) -> ApiError {
    ApiError::caused(Code::ChainUnavailable, error).retry_after(ASK_AGAIN)
}

/// A branch that asks the chain has a connection: [`pay_dot`] makes one for it.
fn no_chain() -> ApiError {
    ApiError::new(Code::ChainUnavailable, "There is no connection to the chain.").retry_after(ASK_AGAIN)
}
