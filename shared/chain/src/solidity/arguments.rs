//! A call's arguments by name, and their places in a message's parameters.

use alloy_dyn_abi::{DynSolType, DynSolValue, Specifier};
use alloy_json_abi::Param;
use alloy_primitives::{B256, U256};
use descrow_domain::Account;

use super::AbiError;
use crate::{Address, EscrowCall, OffchainPayment, OrderRef, Resolution};

/// A value that awaits its type from the ABI.
pub(super) enum Argument {
    Number(U256),
    Word([u8; 32]),
    Address(Address),
    Text(String),
    Struct(Arguments),
    List(Vec<Arguments>),
}

/// Values by the names of their parameters.
pub(super) type Arguments = Vec<(&'static str, Argument)>;

/// What `call` says, by name.
pub(super) fn arguments(call: &EscrowCall) -> Arguments {
    match call {
        EscrowCall::CreateOrder { order, buyer, seller, amount, metadata_cid } => vec![
            ("orderRef", Argument::Word(order.0)),
            ("buyer", party(buyer)),
            ("seller", party(seller)),
            ("amount", Argument::Number(U256::from(amount.0))),
            ("metadataCid", Argument::Text(metadata_cid.clone())),
        ],
        EscrowCall::RecordPayment(payment) => record(payment),
        EscrowCall::RecordPayments(payments) => {
            vec![("payments", Argument::List(payments.iter().map(record).collect()))]
        }
        EscrowCall::MarkShipped { order, tracking_cid } => {
            vec![id(*order), ("trackingCid", Argument::Text(tracking_cid.clone()))]
        }
        EscrowCall::RaiseDispute { order, evidence_cid } => {
            vec![id(*order), ("evidenceCid", Argument::Text(evidence_cid.clone()))]
        }
        EscrowCall::ResolveDispute { order, resolution } => {
            let (outcome, seller_bps) = match resolution {
                Resolution::RefundBuyer => (0_u8, 0),
                Resolution::ReleaseToSeller => (1, 0),
                Resolution::Split { seller_bps } => (2, *seller_bps),
            };
            let fields = vec![
                ("outcome", Argument::Number(U256::from(outcome))),
                ("sellerBps", Argument::Number(U256::from(seller_bps))),
            ];
            vec![id(*order), ("resolution", Argument::Struct(fields))]
        }
        EscrowCall::Fund { order, .. } | EscrowCall::ConfirmDelivery { order } | EscrowCall::Cancel { order } => {
            vec![id(*order)]
        }
    }
}

fn id(order: OrderRef) -> (&'static str, Argument) {
    ("orderId", Argument::Number(U256::from_be_bytes(order.0)))
}

fn party(account: &Account) -> Argument {
    Argument::Address(Address::of(account))
}

fn record(payment: &OffchainPayment) -> Arguments {
    vec![id(payment.order), ("txHash", Argument::Word(payment.payment))]
}

/// The values in the order and with the types of `params`.
pub(super) fn place(params: &[Param], mut arguments: Arguments) -> Result<Vec<DynSolValue>, AbiError> {
    let placed = params
        .iter()
        .map(|param| {
            let at = arguments.iter().position(|(name, _)| *name == param.name);
            let (_, argument) = at.map(|at| arguments.swap_remove(at)).ok_or_else(|| does_not_fit(param))?;
            typed(param, argument)
        })
        .collect::<Result<_, _>>()?;
    match arguments.first() {
        Some((name, _)) => Err(AbiError::Lacks(format!("parameter {name}"))),
        None => Ok(placed),
    }
}

fn typed(param: &Param, argument: Argument) -> Result<DynSolValue, AbiError> {
    let kind = param.resolve().map_err(|error| super::mismatch(&error))?;
    Ok(match (kind, argument) {
        (DynSolType::Uint(bits), Argument::Number(number)) if number.bit_len() <= bits => {
            DynSolValue::Uint(number, bits)
        }
        (DynSolType::FixedBytes(32), Argument::Word(word)) => DynSolValue::FixedBytes(B256::from(word), 32),
        (DynSolType::Address, Argument::Address(address)) => DynSolValue::Address(address.0.into()),
        (DynSolType::String, Argument::Text(text)) => DynSolValue::String(text),
        (DynSolType::Tuple(_), Argument::Struct(fields)) => DynSolValue::Tuple(place(&param.components, fields)?),
        (DynSolType::Array(_), Argument::List(items)) => DynSolValue::Array(
            items
                .into_iter()
                .map(|item| place(&param.components, item).map(DynSolValue::Tuple))
                .collect::<Result<_, _>>()?,
        ),
        _ => return Err(does_not_fit(param)),
    })
}

fn does_not_fit(param: &Param) -> AbiError {
    AbiError::Mismatch(format!("parameter {} {}", param.ty, param.name))
}
