//! The escrow contract at an address: the ABI and the pallet joined.

use std::sync::Arc;

use descrow_domain::{Account, Planck};
use descrow_platform::{Config, Deadline};
use subxt::{
    PolkadotConfig,
    config::{DefaultExtrinsicParamsBuilder, substrate::H256},
    transactions::DynamicPayload,
};

use crate::{
    Address, At, ChainError, ContractEvent, DryRunError, EscrowCall, EscrowEvent, OracleSigner, OrderRef, OrderState,
    error::subxt_error,
    revive::{self, Limits},
    solidity::SolidityAbi,
};

/// What a call would do, and the limits it needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DryRun {
    /// For the extrinsic.
    pub limits: Limits,
}

/// Bytes that are signed once and may be submitted any number of times: the chain takes them at most once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedExtrinsic {
    /// The extrinsic.
    pub bytes: Vec<u8>,
    /// Its hash.
    pub hash: [u8; 32],
    /// The nonce it uses up.
    pub nonce: u64,
    /// No block after this one can hold it.
    pub valid_until_block: u64,
}

/// An escrow contract.
#[derive(Clone, Debug)]
pub struct EscrowContract {
    /// Where it is.
    pub address: Address,
    abi: Arc<SolidityAbi>,
}

impl EscrowContract {
    /// The contract at `address` that speaks `abi`.
    pub fn new(address: Address, abi: SolidityAbi) -> Self {
        Self { address, abi: Arc::new(abi) }
    }

    /// The contract that `CONTRACT_ADDRESS` names, with the ABI in `CONTRACT_ABI` (JSON) where it is another than the
    /// reference contract's. `None` notes in `config` what is wrong.
    pub fn read(config: &Config) -> Option<Self> {
        let address = config.parsed::<Address>("CONTRACT_ADDRESS");
        let abi = match config.optional("CONTRACT_ABI") {
            Some(json) => SolidityAbi::from_json(&json),
            None => SolidityAbi::reference(),
        };
        // The error names messages and events, never what the variable holds.
        let abi = abi.inspect_err(|error| config.refuse("CONTRACT_ABI", error)).ok();
        Some(Self::new(address?, abi?))
    }

    /// Tries `call` at a block, without a transaction and without a fee.
    ///
    /// # Errors
    /// [`DryRunError::Refused`] with the contract's reason; [`DryRunError::NotExecutable`]; [`DryRunError::Chain`].
    pub async fn dry_run(
        &self,
        at: &At,
        call: &EscrowCall,
        caller: &Account,
        deadline: Deadline,
    ) -> Result<DryRun, DryRunError> {
        let data = self.message(call)?;
        let executed = revive::dry_run(at, caller, self.address, call.value(), &data, deadline).await?;
        if executed.reverted {
            return Err(DryRunError::Refused(self.abi.decode_refusal(&executed.data)));
        }
        Ok(DryRun { limits: executed.limits })
    }

    /// The bytes of `call`.
    pub(crate) fn message(&self, call: &EscrowCall) -> Result<Vec<u8>, ChainError> {
        Ok(self.abi.encode(call)?)
    }

    /// The event in a log of this contract.
    pub(crate) fn event(&self, topics: &[[u8; 32]], data: &[u8]) -> Result<Option<EscrowEvent>, ChainError> {
        Ok(self.abi.decode_event(topics, data)?)
    }

    /// Signs `call` with `nonce`, mortal from the block `at` on, which should be final.
    ///
    /// # Errors
    /// [`ChainError`] when the chain's metadata cannot express the extrinsic.
    pub fn sign(
        &self,
        at: &At,
        call: &EscrowCall,
        dry_run: &DryRun,
        signer: &OracleSigner,
        nonce: u64,
        mortality: u64,
    ) -> Result<SignedExtrinsic, ChainError> {
        let data = self.message(call)?;
        let payload = revive::call(self.address, call.value(), &dry_run.limits, &data);
        sign(at, &payload, signer, nonce, mortality)
    }

    /// The order as the contract has it at a block.
    ///
    /// # Errors
    /// [`ChainError`].
    pub async fn order_state(&self, at: &At, order: OrderRef, deadline: Deadline) -> Result<OrderState, ChainError> {
        let data = self.abi.encode_get_order(order)?;
        // A reading message is the same for every caller.
        let nobody = Account::from_bytes([0; 32]);
        match revive::dry_run(at, &nobody, self.address, Planck(0), &data, deadline).await {
            Ok(executed) if !executed.reverted => Ok(self.abi.decode_order(&executed.data)?),
            Ok(executed) => Err(ChainError::Unexpected(self.abi.decode_refusal(&executed.data).to_string())),
            Err(DryRunError::Chain(error)) => Err(error),
            Err(other) => Err(ChainError::Unexpected(other.to_string())),
        }
    }

    /// The contract's events in a block, in their order.
    ///
    /// # Errors
    /// [`ChainError`]; one event that is not understood fails the whole block, so that none is passed over.
    pub async fn events_in(&self, at: &At, deadline: Deadline) -> Result<Vec<ContractEvent>, ChainError> {
        let events = deadline.bound(at.client.events().fetch()).await?.map_err(subxt_error)?;
        let logs = revive::logs(&events, self.address)?;
        if logs.is_empty() {
            return Ok(Vec::new());
        }
        let extrinsics = deadline.bound(at.client.extrinsics().fetch()).await?.map_err(subxt_error)?;
        let hashes = extrinsics
            .iter()
            .map(|extrinsic| extrinsic.map(|extrinsic| extrinsic.hash().0).map_err(subxt_error))
            .collect::<Result<Vec<_>, _>>()?;
        let mut found = Vec::with_capacity(logs.len());
        for log in logs {
            let Some(event) = self.event(&log.topics, &log.data)? else { continue };
            let position = log.extrinsic.and_then(|index| usize::try_from(index).ok());
            let extrinsic_hash = position.and_then(|index| hashes.get(index)).copied();
            found.push(ContractEvent { block: at.block.number, index: log.index, extrinsic_hash, event });
        }
        Ok(found)
    }
}

/// Signs a transaction that is mortal for `mortality` blocks (a power of two) from `at`.
pub(crate) fn sign(
    at: &At,
    payload: &DynamicPayload<Vec<subxt::dynamic::Value>>,
    signer: &OracleSigner,
    nonce: u64,
    mortality: u64,
) -> Result<SignedExtrinsic, ChainError> {
    let parameters = DefaultExtrinsicParamsBuilder::<PolkadotConfig>::new()
        .nonce(nonce)
        .mortal_from_unchecked(mortality, at.block.number, H256(at.block.hash))
        .build();
    let transactions = at.client.transactions();
    let mut unsigned = transactions.create_signable_offline(payload, parameters).map_err(subxt_error)?;
    let extrinsic = unsigned.sign(&signer.keypair).map_err(subxt_error)?;
    Ok(SignedExtrinsic {
        hash: extrinsic.hash().0,
        bytes: extrinsic.into_encoded(),
        nonce,
        valid_until_block: at.block.number.saturating_add(mortality),
    })
}
