//! Calls for a wallet: built, tried and named here, signed and sent by whoever owns the account.
//!
//! A backend never holds a user's key. What it gives out instead is call data that any wallet of the Polkadot world can sign
//! as it is (`api.tx(api.createType('Call', data)).signAndSend(…)`), with everything that ties it to one chain and one version of its runtime.

use descrow_domain::{Account, Planck};
use descrow_platform::Deadline;
use subxt::{dynamic::Value, transactions::DynamicPayload};

use crate::{
    At, Chain, ChainError, DryRunError, EscrowCall, EscrowContract, Refusal,
    error::subxt_error,
    revive::{self, Limits},
};

/// A call that waits for its signature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnsignedCall {
    /// The pallet, as the chain's metadata writes it: `Revive`.
    pub pallet: String,
    /// The call, as the chain's metadata writes it: `call`.
    pub call: String,
    /// Pallet, call and arguments in SCALE, as they stand in the extrinsic.
    pub data: Vec<u8>,
    /// What is paid along with it.
    pub value: Planck,
    /// What it may use up, from a dry-run; absent where the call itself sets no limits.
    pub limits: Option<Limits>,
}

/// What an account has to sign for one message to the contract.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unsigned {
    /// To be in a block before the message: contracts do not know the account until it is mapped.
    pub prerequisite: Option<UnsignedCall>,
    /// The message.
    pub message: UnsignedCall,
}

/// Where an unsigned call belongs: a signature for another chain or version is worth nothing here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Runtime {
    /// Hash of the chain's first block: its identity.
    pub genesis: [u8; 32],
    /// The runtime's name.
    pub spec_name: String,
    /// The runtime's version; call data may mean something else in another one.
    pub spec_version: u32,
    /// The version of how calls are written.
    pub transaction_version: u32,
}

/// Why there is nothing to sign.
#[derive(Debug, thiserror::Error)]
pub enum NothingToSign {
    /// The contract would refuse the message.
    #[error("the contract refuses: {0}")]
    Refused(Refusal),
    /// The account cannot pay it. The fee comes on top of what is needed.
    #[error("the account has {free} planck and needs {needed}", free = free.0, needed = needed.0)]
    TooLittle {
        /// What the account may spend.
        free: Planck,
        /// What the message takes along.
        needed: Planck,
    },
    /// The contract would pay somebody whom contracts do not know: the money would go to an account of the runtime's
    /// making, and stay there until its owner is mapped and fetches it.
    #[error("the payee {0} is not mapped")]
    UnknownPayee(Account),
    /// The chain would not execute it for another reason.
    #[error("the runtime refuses: {0}")]
    NotExecutable(String),
    /// The question could not be asked.
    #[error(transparent)]
    Chain(#[from] ChainError),
}

impl EscrowContract {
    /// What `account` must sign to send `call`, as the chain stands at `at`; `payee` is who gets what it takes along, in the
    /// end.
    ///
    /// # Errors
    /// [`NothingToSign`].
    pub async fn unsigned(
        &self,
        at: &At,
        call: &EscrowCall,
        account: &Account,
        payee: Option<&Account>,
        deadline: Deadline,
    ) -> Result<Unsigned, NothingToSign> {
        let unknown = async {
            let Some(payee) = payee else { return Ok(None) };
            revive::mapped(at, payee, deadline).await.map(|known| (!known).then_some(*payee))
        };
        // One connection carries all questions at once.
        let (tried, mapped, unknown, free) = tokio::join!(
            self.dry_run(at, call, account, deadline),
            revive::mapped(at, account, deadline),
            unknown,
            at.free_balance(account, deadline),
        );
        let (mapped, unknown, free, needed) = (mapped?, unknown?, free?, call.value());
        let limits = match (tried, unknown) {
            (Err(DryRunError::Refused(refusal)), _) => return Err(NothingToSign::Refused(refusal)),
            // Before the account's own balance: there is no use in topping it up.
            (Ok(_) | Err(DryRunError::NotExecutable(_)), Some(payee)) => {
                return Err(NothingToSign::UnknownPayee(payee));
            }
            (Ok(dry_run), None) => dry_run.limits,
            // The runtime's name for it depends on where the money ran out.
            (Err(DryRunError::NotExecutable(_)), None) if free < needed => {
                return Err(NothingToSign::TooLittle { free, needed });
            }
            (Err(DryRunError::NotExecutable(reason)), None) => return Err(NothingToSign::NotExecutable(reason)),
            (Err(DryRunError::Chain(error)), _) => return Err(error.into()),
        };
        let payload = revive::call(self.address, needed, &limits, &self.message(call)?);
        let message = unsigned(at, &payload, needed, Some(limits))?;
        if mapped {
            return Ok(Unsigned { prerequisite: None, message });
        }
        let map = revive::map_account(account, revive::maps_by_itself(at));
        let prerequisite = Some(unsigned(at, &map, Planck(0), None)?);
        Ok(Unsigned { prerequisite, message })
    }
}

impl Chain {
    /// The chain, and its runtime at `at`.
    ///
    /// # Errors
    /// [`ChainError`] when the metadata does not tell its version.
    pub fn runtime(&self, at: &At) -> Result<Runtime, ChainError> {
        #[derive(subxt::ext::scale_decode::DecodeAsType)]
        #[decode_as_type(crate_path = "subxt::ext::scale_decode")]
        struct RuntimeVersion {
            spec_name: String,
            spec_version: u32,
            transaction_version: u32,
        }
        let constant = subxt::dynamic::constant::<RuntimeVersion>("System", "Version");
        let version = at.client.constants().entry(constant).map_err(subxt_error)?;
        Ok(Runtime {
            genesis: self.genesis(),
            spec_name: version.spec_name,
            spec_version: version.spec_version,
            transaction_version: version.transaction_version,
        })
    }
}

fn unsigned(
    at: &At,
    payload: &DynamicPayload<Vec<Value>>,
    value: Planck,
    limits: Option<Limits>,
) -> Result<UnsignedCall, ChainError> {
    let data = at.client.transactions().call_data(payload).map_err(subxt_error)?;
    Ok(UnsignedCall {
        pallet: payload.pallet_name().to_owned(),
        call: payload.call_name().to_owned(),
        data,
        value,
        limits,
    })
}

#[cfg(all(test, feature = "local-chain"))]
mod tests {
    use std::time::Duration;

    use crate::local_chain::{Blocks, LocalChain};

    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn a_chain_that_maps_by_itself_is_asked_by_another_call_than_one_that_does_not() {
        let deadline = Deadline::after(Duration::from_secs(60));
        let local = LocalChain::start(Blocks::OnDemand).await.unwrap();
        let chain = Chain::connect(&local.url, deadline).await.unwrap();
        let at = chain.at(chain.finalized_head(deadline).await.unwrap(), deadline).await.unwrap();
        assert!(revive::maps_by_itself(&at));
        let account = Account::from_bytes([7; 32]);
        let pallet = at.client.metadata_ref().pallet_by_name("Revive").unwrap();
        let call = |name: &str| {
            let variants = pallet.call_variants().unwrap();
            vec![pallet.call_index(), variants.iter().find(|variant| variant.name == name).unwrap().index]
        };
        let asks = |by_itself| unsigned(&at, &revive::map_account(&account, by_itself), Planck(0), None).unwrap();
        assert_eq!((asks(false).call.as_str(), asks(false).data), ("map_account", call("map_account")));
        // One account, as a SCALE list.
        let listed = [call("batch_map_accounts"), vec![4], vec![7; 32]].concat();
        assert_eq!((asks(true).call.as_str(), asks(true).data), ("batch_map_accounts", listed));
    }
}
