//! The call that the buyer's wallet signs.

use descrow_chain::{At, Chain, EscrowCall, NothingToSign, OrderRef, Refusal};
use descrow_domain::order::{Actor, Money, Order};
use descrow_platform::Deadline;
use descrow_web::{ApiError, Code, Reply};

use crate::{PayDot, pay_dot::unavailable, view::UnsignedPayment};

/// A block or two, in seconds: when an order that was just made is on the chain.
const ON_CHAIN_SOON: u64 = 6;

/// Builds the call at the newest block that is final, and tries it there as the buyer's account.
pub(crate) async fn build(app: &PayDot, chain: &Chain, order: &Order, deadline: Deadline) -> Result<Reply, ApiError> {
    let at = head(chain, deadline).await?;
    let fund = EscrowCall::Fund { order: OrderRef::of(order.id), amount: order.quote.amount };
    match app.contract.unsigned(&at, &fund, &order.buyer_id, Some(&order.seller_id), deadline).await {
        Ok(unsigned) => {
            let runtime = chain.runtime(&at).map_err(unavailable)?;
            Reply::ok(&UnsignedPayment::new(order, app.contract.address, &runtime, &unsigned))
        }
        Err(nothing) => Err(refusal(order, nothing)),
    }
}

async fn head(chain: &Chain, deadline: Deadline) -> Result<At, ApiError> {
    let head = chain.finalized_head(deadline).await.map_err(unavailable)?;
    chain.at(head, deadline).await.map_err(unavailable)
}

/// What stands against a payment of an order in DOT that nothing here stands against.
fn refusal(order: &Order, nothing: NothingToSign) -> ApiError {
    match nothing {
        NothingToSign::Refused(Refusal { name, .. }) if name == "UnknownOrder" => {
            let message = "The order is not on the chain yet. Ask again after Retry-After.";
            ApiError::new(Code::OrderNotOnChain, message).retry_after(ON_CHAIN_SOON)
        }
        // The contract is ahead of what we know: its event is on the way.
        NothingToSign::Refused(Refusal { name, .. }) if name == "WrongStatus" => {
            let against = Some(("contract", "has a payment for the order, or gave it up".to_owned()));
            ApiError::order_moves(order, Actor::Buyer, Money::default(), Code::PaymentInProgress, against)
        }
        NothingToSign::UnknownPayee(seller) => {
            let message = format!(
                "The contract could not pay the seller: contracts do not know its account {seller} yet. Pallet Revive has to map \
                 it first; where the chain maps new accounts by itself, the first DOT that it receives does so."
            );
            ApiError::new(Code::SellerNotPayable, message)
        }
        NothingToSign::TooLittle { free, needed } => {
            let message = format!(
                "Your account has {} DOT, and {} are needed, with the chain's fee on top.",
                free.to_dot(),
                needed.to_dot()
            );
            ApiError::new(Code::BalanceTooLow, message)
        }
        NothingToSign::Chain(error) => unavailable(error),
        // Nothing that the buyer could do differently.
        other => ApiError::internal(other),
    }
}
