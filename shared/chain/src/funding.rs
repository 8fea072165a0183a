//! What became of the extrinsic with which a buyer meant to pay an order.
//!
//! Only to tell the buyer: whether an order is paid is decided by the event in a finalised block, and by nothing here.

use std::fmt;

use descrow_domain::Planck;
use descrow_platform::Deadline;

use crate::{
    At, Chain, ChainError, DryRunError, EscrowCall, EscrowContract, EscrowEvent, OrderRef, Refusal,
    error::subxt_error,
    revive::{self, SentCall},
};

/// What a block says of an extrinsic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Funding {
    /// The node does not know the block, or the block does not hold the extrinsic. It may be in another one.
    Unseen,
    /// It paid the order. The block may not be final yet.
    Paid,
    /// It did not.
    Failed(FundingFailure),
}

/// Why an extrinsic did not pay an order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FundingFailure {
    /// It sent less than the order's amount, and the contract refused it.
    Underpaid {
        /// What it sent.
        sent: Planck,
    },
    /// It sent more than the order's amount, and the contract refused it.
    Overpaid {
        /// What it sent.
        sent: Planck,
    },
    /// The contract refused it for another reason.
    Refused(Refusal),
    /// It had too little weight or too small a storage deposit.
    OutOfGas,
    /// The runtime did not execute it; the name of its error.
    NotExecuted(String),
    /// It does not pay this order at all.
    AnotherCall,
}

impl FundingFailure {
    /// A stable word for it: the name of the contract's error where the contract gave one.
    pub fn code(&self) -> &str {
        match self {
            Self::Underpaid { .. } => "Underpaid",
            Self::Overpaid { .. } => "Overpaid",
            Self::Refused(refusal) => &refusal.name,
            Self::OutOfGas => "OutOfGas",
            Self::NotExecuted(reason) => reason,
            Self::AnotherCall => "AnotherCall",
        }
    }
}

impl fmt::Display for FundingFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Underpaid { sent } => write!(f, "only {} DOT were sent", sent.to_dot()),
            Self::Overpaid { sent } => write!(f, "{} DOT were sent, more than the price", sent.to_dot()),
            Self::Refused(refusal) => write!(f, "the contract refused: {refusal}"),
            Self::OutOfGas => f.write_str("the weight or storage deposit limit was too low"),
            Self::NotExecuted(reason) => write!(f, "the chain did not execute it: {reason}"),
            Self::AnotherCall => f.write_str("it does not pay this order"),
        }
    }
}

impl EscrowContract {
    /// What block `block` says of `extrinsic`, with which somebody meant to pay `amount` for `order`.
    ///
    /// # Errors
    /// [`ChainError`] when the node cannot be asked.
    pub async fn funding(
        &self,
        chain: &Chain,
        block: [u8; 32],
        extrinsic: [u8; 32],
        order: OrderRef,
        amount: Planck,
        deadline: Deadline,
    ) -> Result<Funding, ChainError> {
        let Some((block, parent)) = chain.block_with_parent(block, deadline).await? else {
            return Ok(Funding::Unseen);
        };
        let at = chain.at(block, deadline).await?;
        let (extrinsics, events) = (at.client.extrinsics(), at.client.events());
        let (extrinsics, events) = tokio::join!(deadline.bound(extrinsics.fetch()), deadline.bound(events.fetch()));
        let (extrinsics, events) = (extrinsics?.map_err(subxt_error)?, events?.map_err(subxt_error)?);
        let mut found = None;
        for candidate in extrinsics.iter() {
            let candidate = candidate.map_err(subxt_error)?;
            if candidate.hash().0 == extrinsic {
                found = Some(candidate);
                break;
            }
        }
        let Some(found) = found else { return Ok(Funding::Unseen) };
        let index = u32::try_from(found.index()).unwrap_or(u32::MAX);
        for log in revive::logs(&events, self.address)? {
            if log.extrinsic == Some(index)
                && let Some(EscrowEvent::OrderFunded { order: paid, .. }) = self.event(&log.topics, &log.data)?
                && paid == order
            {
                return Ok(Funding::Paid);
            }
        }
        let Some(sent) = revive::sent_call(&found)? else {
            return Ok(Funding::Failed(FundingFailure::AnotherCall));
        };
        let error = revive::failure(&at, &events, index)?;
        let failure = self.why(chain, parent, &sent, error, order, amount, deadline).await?;
        Ok(Funding::Failed(failure))
    }

    #[expect(clippy::too_many_arguments, reason = "each is a fact about one extrinsic")]
    async fn why(
        &self,
        chain: &Chain,
        parent: crate::BlockId,
        sent: &SentCall,
        error: Option<String>,
        order: OrderRef,
        amount: Planck,
        deadline: Deadline,
    ) -> Result<FundingFailure, ChainError> {
        let call = EscrowCall::Fund { order, amount: sent.value };
        let Some(error) = error else { return Ok(FundingFailure::AnotherCall) };
        if sent.contract != self.address || sent.data != self.message(&call)? {
            return Ok(FundingFailure::AnotherCall);
        }
        Ok(match error.as_str() {
            revive::CONTRACT_REVERTED if sent.value < amount => FundingFailure::Underpaid { sent: sent.value },
            revive::CONTRACT_REVERTED if sent.value > amount => FundingFailure::Overpaid { sent: sent.value },
            revive::CONTRACT_REVERTED => {
                FundingFailure::Refused(self.refusal_before(chain, parent, sent, &call, deadline).await?)
            }
            revive::OUT_OF_GAS | revive::OUT_OF_DEPOSIT => FundingFailure::OutOfGas,
            _ => FundingFailure::NotExecuted(error),
        })
    }

    /// The contract's reason is not part of a block, so the call is tried again where it was tried: on top of the parent.
    /// Where only an extrinsic before it in the same block made it fail, the reason stays unknown.
    async fn refusal_before(
        &self,
        chain: &Chain,
        parent: crate::BlockId,
        sent: &SentCall,
        call: &EscrowCall,
        deadline: Deadline,
    ) -> Result<Refusal, ChainError> {
        let unknown = Refusal { name: "Reverted".to_owned(), detail: String::new() };
        let Some(signer) = sent.signer else { return Ok(unknown) };
        let at: At = chain.at(parent, deadline).await?;
        match self.dry_run(&at, call, &signer, deadline).await {
            Err(DryRunError::Refused(refusal)) => Ok(refusal),
            Ok(_) | Err(DryRunError::NotExecutable(_)) => Ok(unknown),
            Err(DryRunError::Chain(error)) => Err(error),
        }
    }
}
