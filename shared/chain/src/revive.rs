//! The pallet seam for pallet-revive: calls, dry-runs and events, by the chain's own metadata.

use descrow_domain::{Account, Planck};
use descrow_platform::Deadline;
use subxt::{
    PolkadotConfig,
    client::OfflineClientAtBlockT,
    dynamic::{self, At as _, Value},
    events::{Events, Phase},
    ext::scale_value::{ValueDef, Variant},
    extrinsics::{Extrinsic, ExtrinsicEvents},
    transactions::DynamicPayload,
};

use crate::{Address, At, ChainError, DryRunError, address::ADDRESS_SUFFIX, error::subxt_error};

const PALLET: &str = "Revive";
/// `MultiAddress::Id`, by which nearly every signer is named.
const ADDRESS_ID: u8 = 0;
/// Added to what a dry-run used: other extrinsics of the block may change what the call meets.
const MARGIN_PERCENT: u128 = 25;
/// `ReturnFlags::REVERT`.
const REVERTED: u32 = 1;
/// The contract refused the message of an extrinsic.
pub(crate) const CONTRACT_REVERTED: &str = "Revive.ContractReverted";
/// The weight limit of an extrinsic was too low.
pub(crate) const OUT_OF_GAS: &str = "Revive.OutOfGas";
/// Its storage deposit limit was too low.
pub(crate) const OUT_OF_DEPOSIT: &str = "Revive.StorageDepositLimitExhausted";

/// Execution time and proof size.
#[derive(Clone, Copy, Debug, PartialEq, Eq, subxt::ext::scale_decode::DecodeAsType)]
#[decode_as_type(crate_path = "subxt::ext::scale_decode")]
pub struct Weight {
    /// Picoseconds of execution.
    pub ref_time: u64,
    /// Bytes of proof.
    pub proof_size: u64,
}

#[derive(subxt::ext::scale_decode::DecodeAsType)]
#[decode_as_type(crate_path = "subxt::ext::scale_decode")]
enum StorageDeposit {
    Charge(u128),
    Refund(u128),
}

#[derive(subxt::ext::scale_decode::DecodeAsType)]
#[decode_as_type(crate_path = "subxt::ext::scale_decode")]
struct Flags {
    bits: u32,
}

#[derive(subxt::ext::scale_decode::DecodeAsType)]
#[decode_as_type(crate_path = "subxt::ext::scale_decode")]
struct Returned {
    flags: Flags,
    data: Vec<u8>,
}

#[derive(subxt::ext::scale_decode::DecodeAsType)]
#[decode_as_type(crate_path = "subxt::ext::scale_decode")]
struct Instantiated {
    result: Returned,
}

#[derive(subxt::ext::scale_decode::DecodeAsType)]
#[decode_as_type(crate_path = "subxt::ext::scale_decode")]
struct Outcome<T> {
    weight_required: Weight,
    storage_deposit: StorageDeposit,
    result: Result<T, Value>,
}

#[derive(subxt::ext::scale_decode::DecodeAsType)]
#[decode_as_type(crate_path = "subxt::ext::scale_decode")]
struct ContractEmitted {
    contract: [u8; 20],
    data: Vec<u8>,
    topics: Vec<[u8; 32]>,
}

#[derive(subxt::ext::scale_decode::DecodeAsType)]
#[decode_as_type(crate_path = "subxt::ext::scale_decode")]
struct ContractInstantiated {
    contract: [u8; 20],
}

/// The limits that an extrinsic is given, from a dry-run, with a margin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Weight at most.
    pub weight: Weight,
    /// Storage deposit at most.
    pub deposit: Planck,
}

/// What a dry-run did.
#[derive(Clone, Debug)]
pub(crate) struct Executed {
    pub(crate) limits: Limits,
    pub(crate) reverted: bool,
    pub(crate) data: Vec<u8>,
}

/// A log of a contract.
pub(crate) struct Log {
    pub(crate) index: u32,
    /// Which extrinsic of the block.
    pub(crate) extrinsic: Option<u32>,
    pub(crate) topics: Vec<[u8; 32]>,
    pub(crate) data: Vec<u8>,
}

/// Executes a call at a block without a transaction.
pub(crate) async fn dry_run(
    at: &At,
    caller: &Account,
    contract: Address,
    value: Planck,
    data: &[u8],
    deadline: Deadline,
) -> Result<Executed, DryRunError> {
    let arguments = vec![
        Value::from_bytes(caller.as_bytes()),
        Value::from_bytes(contract.0),
        Value::u128(value.0),
        none(),
        none(),
        Value::from_bytes(data),
    ];
    let outcome: Outcome<Returned> = runtime_call(at, "call", arguments, deadline).await?;
    let limits = limits(&outcome.weight_required, &outcome.storage_deposit);
    let returned = outcome.result.map_err(|error| DryRunError::NotExecutable(dispatch_error(at, &error)))?;
    Ok(Executed { limits, reverted: returned.flags.bits & REVERTED != 0, data: returned.data })
}

/// Deploys EVM code at a block without a transaction: what it needs.
pub(crate) async fn dry_run_deploy(
    at: &At,
    deployer: &Account,
    code: &[u8],
    deadline: Deadline,
) -> Result<Limits, DryRunError> {
    let arguments = vec![
        Value::from_bytes(deployer.as_bytes()),
        Value::u128(0),
        none(),
        none(),
        Value::unnamed_variant("Upload", [Value::from_bytes(code)]),
        Value::from_bytes([]),
        none(),
    ];
    let outcome: Outcome<Instantiated> = runtime_call(at, "instantiate", arguments, deadline).await?;
    let limits = limits(&outcome.weight_required, &outcome.storage_deposit);
    let made = outcome.result.map_err(|error| DryRunError::NotExecutable(dispatch_error(at, &error)))?;
    if made.result.flags.bits & REVERTED != 0 {
        return Err(DryRunError::NotExecutable(format!("constructor reverted: 0x{}", hex::encode(made.result.data))));
    }
    Ok(limits)
}

async fn runtime_call<T: subxt::ext::scale_decode::DecodeAsType>(
    at: &At,
    method: &str,
    arguments: Vec<Value>,
    deadline: Deadline,
) -> Result<T, DryRunError> {
    let apis = at.client.runtime_apis();
    let call = apis.call(dynamic::runtime_api_call::<_, T>("ReviveApi", method, arguments));
    Ok(deadline.bound(call).await.map_err(ChainError::from)?.map_err(subxt_error)?)
}

/// The transaction that calls `contract`.
pub(crate) fn call(contract: Address, value: Planck, limits: &Limits, data: &[u8]) -> DynamicPayload<Vec<Value>> {
    let arguments = vec![
        Value::from_bytes(contract.0),
        Value::u128(value.0),
        weight(&limits.weight),
        Value::u128(limits.deposit.0),
        Value::from_bytes(data),
    ];
    dynamic::transaction(PALLET, "call", arguments)
}

/// The transaction that deploys EVM `code`.
pub(crate) fn deploy(code: &[u8], limits: &Limits) -> DynamicPayload<Vec<Value>> {
    let arguments = vec![
        Value::u128(0),
        weight(&limits.weight),
        Value::u128(limits.deposit.0),
        Value::from_bytes(code),
        Value::from_bytes([]),
        none(),
    ];
    dynamic::transaction(PALLET, "instantiate_with_code", arguments)
}

/// The transaction that makes `account`, which signs it, known to contracts.
pub(crate) fn map_account(account: &Account, maps_by_itself: bool) -> DynamicPayload<Vec<Value>> {
    if maps_by_itself {
        // There `map_account` does nothing: only an account from before the chain did so is not mapped yet.
        let accounts = Value::unnamed_composite([Value::from_bytes(account.as_bytes())]);
        return dynamic::transaction(PALLET, "batch_map_accounts", vec![accounts]);
    }
    dynamic::transaction(PALLET, "map_account", Vec::new())
}

/// Whether the chain maps accounts when they are created; older runtimes do not know the constant, and do not.
pub(crate) fn maps_by_itself(at: &At) -> bool {
    at.client.constants().entry(dynamic::constant::<bool>(PALLET, "AutoMap")).unwrap_or(false)
}

/// Whether contracts know `account`. A dry-run does not ask, but the transaction is refused where they do not.
pub(crate) async fn mapped(at: &At, account: &Account, deadline: Deadline) -> Result<bool, ChainError> {
    if account.as_bytes().ends_with(&ADDRESS_SUFFIX) {
        return Ok(true);
    }
    let storage = at.client.storage();
    let entry = dynamic::storage::<([u8; 20],), Value>(PALLET, "OriginalAccount");
    let found = deadline.bound(storage.try_fetch(entry, (Address::of(account).0,))).await?;
    Ok(found.map_err(subxt_error)?.is_some())
}

/// A call of a contract, as an extrinsic holds it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SentCall {
    /// Who signed it, where that is an account.
    pub(crate) signer: Option<Account>,
    pub(crate) contract: Address,
    pub(crate) value: Planck,
    pub(crate) data: Vec<u8>,
}

/// The call of a contract that an extrinsic is; `None` for any other.
pub(crate) fn sent_call<C: OfflineClientAtBlockT<PolkadotConfig>>(
    extrinsic: &Extrinsic<'_, PolkadotConfig, C>,
) -> Result<Option<SentCall>, ChainError> {
    #[derive(subxt::ext::scale_decode::DecodeAsType)]
    #[decode_as_type(crate_path = "subxt::ext::scale_decode")]
    struct Fields {
        dest: [u8; 20],
        value: u128,
        data: Vec<u8>,
    }
    if extrinsic.pallet_name() != PALLET || extrinsic.call_name() != "call" {
        return Ok(None);
    }
    let fields: Fields = extrinsic.decode_call_data_fields_unchecked_as().map_err(subxt_error)?;
    let signer = extrinsic.address_bytes().and_then(|bytes| match bytes.split_first() {
        Some((&ADDRESS_ID, id)) => id.try_into().ok().map(Account::from_bytes),
        _ => None,
    });
    let (contract, value) = (Address(fields.dest), Planck(fields.value));
    Ok(Some(SentCall { signer, contract, value, data: fields.data }))
}

/// The error with which extrinsic number `index` of a block failed, in words; `None` where it succeeded.
pub(crate) fn failure(at: &At, events: &Events<PolkadotConfig>, index: u32) -> Result<Option<String>, ChainError> {
    #[derive(subxt::ext::scale_decode::DecodeAsType)]
    #[decode_as_type(crate_path = "subxt::ext::scale_decode")]
    struct Failed {
        dispatch_error: Value,
    }
    for event in events.iter() {
        let event = event.map_err(subxt_error)?;
        let ours = matches!(event.phase(), Phase::ApplyExtrinsic(of) if of == index);
        if ours && event.pallet_name() == "System" && event.event_name() == "ExtrinsicFailed" {
            let failed: Failed = event.decode_fields_unchecked_as().map_err(subxt_error)?;
            return Ok(Some(dispatch_error(at, &failed.dispatch_error)));
        }
    }
    Ok(None)
}

/// How much contract value one planck is on this chain.
pub(crate) fn value_per_planck(at: &At) -> Result<u128, ChainError> {
    let ratio = at.client.constants().entry(dynamic::constant::<u32>(PALLET, "NativeToEthRatio"));
    ratio.map(u128::from).map_err(subxt_error)
}

/// The logs of `contract` among a block's events.
pub(crate) fn logs(events: &Events<PolkadotConfig>, contract: Address) -> Result<Vec<Log>, ChainError> {
    let mut logs = Vec::new();
    for event in events.iter() {
        let event = event.map_err(subxt_error)?;
        if event.pallet_name() != PALLET || event.event_name() != "ContractEmitted" {
            continue;
        }
        let emitted: ContractEmitted = event.decode_fields_unchecked_as().map_err(subxt_error)?;
        if emitted.contract != contract.0 {
            continue;
        }
        let extrinsic = match event.phase() {
            Phase::ApplyExtrinsic(index) => Some(index),
            Phase::Finalization | Phase::Initialization => None,
        };
        logs.push(Log { index: event.index(), extrinsic, topics: emitted.topics, data: emitted.data });
    }
    Ok(logs)
}

fn none() -> Value {
    Value::unnamed_variant("None", [])
}

fn weight(weight: &Weight) -> Value {
    Value::named_composite([
        ("ref_time", Value::u128(u128::from(weight.ref_time))),
        ("proof_size", Value::u128(u128::from(weight.proof_size))),
    ])
}

fn limits(required: &Weight, deposit: &StorageDeposit) -> Limits {
    let part = |value: u64| {
        let with_margin = u128::from(value) * (100 + MARGIN_PERCENT) / 100;
        u64::try_from(with_margin).unwrap_or(u64::MAX)
    };
    let charge = match deposit {
        StorageDeposit::Charge(charge) => charge.saturating_add(charge / 100 * MARGIN_PERCENT),
        // What is refunded may not be refundable any more when the extrinsic runs.
        StorageDeposit::Refund(refund) => *refund,
    };
    Limits {
        weight: Weight { ref_time: part(required.ref_time), proof_size: part(required.proof_size) },
        deposit: Planck(charge),
    }
}

/// A `DispatchError` in words: `Revive.AccountUnmapped`, or as it is where no pallet made it.
fn dispatch_error(at: &At, error: &Value) -> String {
    named_module_error(at, error).unwrap_or_else(|| error.to_string())
}

fn named_module_error(at: &At, error: &Value) -> Option<String> {
    let ValueDef::Variant(Variant { name, .. }) = &error.value else { return None };
    if name != "Module" {
        return None;
    }
    let module = error.at(0)?;
    let byte = |value: Option<&Value>| value?.as_u128().and_then(|byte| u8::try_from(byte).ok());
    let pallet = at.client.metadata_ref().pallet_by_error_index(byte(module.at("index"))?)?;
    let number = module.at("error")?;
    // Four bytes, of which the first is the error's index; the array may be wrapped.
    let variant = pallet.error_variant_by_index(byte(number.at(0).or(Some(number)))?)?;
    Some(format!("{}.{}", pallet.name(), variant.name))
}

/// The contract that an extrinsic's events say it made.
pub(crate) fn instantiated(events: &ExtrinsicEvents<PolkadotConfig>) -> Result<Option<Address>, ChainError> {
    for event in events.iter() {
        let event = event.map_err(subxt_error)?;
        if event.pallet_name() == PALLET && event.event_name() == "Instantiated" {
            let made: ContractInstantiated = event.decode_fields_unchecked_as().map_err(subxt_error)?;
            return Ok(Some(Address(made.contract)));
        }
    }
    Ok(None)
}
