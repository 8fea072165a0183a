//! The ABI seam for Solidity: messages, events, orders and refusals as bytes, by the contract's own ABI JSON.
//!
//! Parameters are found by name and integers are as wide as the ABI says, so that a contract which orders or widens them
//! differently still works. What Descrow needs of a contract is checked when its ABI is read, not when money depends on it.

mod arguments;
mod fields;

use alloy_dyn_abi::{DynSolValue, ErrorExt, EventExt, FunctionExt, JsonAbiExt};
use alloy_json_abi::{Event, Function, JsonAbi};
use alloy_primitives::{B256, U256};
use descrow_domain::Planck;

use self::{arguments::arguments, fields::Fields};
use crate::{Address, EscrowCall, EscrowEvent, OrderRef, OrderState, Refusal, event::ContractStatus};

/// Messages the contract must have.
const MESSAGES: [&str; 10] = [
    "createOrder",
    "fund",
    "recordOffchainPayment",
    "recordOffchainPayments",
    "markShipped",
    "confirmDelivery",
    "raiseDispute",
    "resolveDispute",
    "cancel",
    GET_ORDER,
];
const GET_ORDER: &str = "getOrder";
/// Events the contract must have; others are skipped.
const EVENTS: [&str; 9] = [
    "OrderCreated",
    "OrderFunded",
    "OrderShipped",
    "OrderDelivered",
    "OrderCompleted",
    "DisputeRaised",
    "DisputeResolved",
    "OrderCancelled",
    "PaymentRefused",
];
/// Selectors of the two errors that the compiler itself makes: `Error(string)` and `Panic(uint256)`.
const REVERT_STRING: [u8; 4] = [0x08, 0xc3, 0x79, 0xa0];
const PANIC: [u8; 4] = [0x4e, 0x48, 0x7b, 0x71];

/// The contract's bytes and its ABI do not fit together.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AbiError {
    /// Not ABI JSON.
    #[error("the contract's ABI is not readable: {0}")]
    Unreadable(String),
    /// The contract is not an escrow contract as Descrow needs it.
    #[error("the contract's ABI has no {0}")]
    Lacks(String),
    /// A parameter has a type or range that its value does not fit.
    #[error("the contract's ABI does not fit: {0}")]
    Mismatch(String),
}

/// The ABI of one escrow contract.
#[derive(Clone, Debug)]
pub struct SolidityAbi {
    abi: JsonAbi,
}

impl SolidityAbi {
    /// Reads ABI JSON: the list itself, or a compiler's artefact with the list as `abi`.
    ///
    /// # Errors
    /// [`AbiError`] when it is not ABI JSON or lacks a message or event.
    pub fn from_json(json: &str) -> Result<Self, AbiError> {
        #[derive(serde::Deserialize)]
        #[serde(untagged)]
        enum Document {
            Artifact { abi: JsonAbi },
            List(JsonAbi),
        }
        let abi = match serde_json::from_str(json) {
            Ok(Document::Artifact { abi } | Document::List(abi)) => abi,
            Err(error) => return Err(AbiError::Unreadable(error.to_string())),
        };
        let read = Self { abi };
        for message in MESSAGES {
            read.message(message)?;
        }
        for event in EVENTS {
            if read.abi.event(event).is_none_or(|overloads| overloads.len() != 1) {
                return Err(AbiError::Lacks(format!("one event {event}")));
            }
        }
        Ok(read)
    }

    /// The ABI of the reference contract in `infra/contract`.
    ///
    /// # Errors
    /// [`AbiError`], which a test excludes.
    pub fn reference() -> Result<Self, AbiError> {
        Self::from_json(escrow_contract::ARTIFACT)
    }

    /// The bytes of a message.
    ///
    /// # Errors
    /// [`AbiError`] when the contract's parameters cannot take the call's values.
    pub fn encode(&self, call: &EscrowCall) -> Result<Vec<u8>, AbiError> {
        let message = self.message(call.message())?;
        let values = arguments::place(&message.inputs, arguments(call))?;
        message.abi_encode_input(&values).map_err(|error| mismatch(&error))
    }

    /// The bytes that ask for an order.
    ///
    /// # Errors
    /// [`AbiError`] when the contract's parameter is no order id.
    pub fn encode_get_order(&self, order: OrderRef) -> Result<Vec<u8>, AbiError> {
        let id = DynSolValue::Uint(U256::from_be_bytes(order.0), 256);
        self.message(GET_ORDER)?.abi_encode_input(&[id]).map_err(|error| mismatch(&error))
    }

    /// The order that `getOrder` returned.
    ///
    /// # Errors
    /// [`AbiError`] when it lacks a field.
    pub fn decode_order(&self, data: &[u8]) -> Result<OrderState, AbiError> {
        let message = self.message(GET_ORDER)?;
        let values = message.abi_decode_output(data).map_err(|error| mismatch(&error))?;
        let (Some(DynSolValue::Tuple(order)), Some(output)) = (values.first(), message.outputs.first()) else {
            return Err(AbiError::Mismatch("getOrder returns no struct".into()));
        };
        let fields = Fields::new(GET_ORDER, output.components.iter().map(|c| c.name.as_str()), order.iter());
        let number = usize::from(fields.small("status")?);
        let status = ContractStatus::ALL.get(number).ok_or_else(|| AbiError::Lacks(format!("status {number}")))?;
        Ok(OrderState {
            status: *status,
            buyer: fields.address("buyer")?,
            seller: fields.address("seller")?,
            amount: fields.planck("amount")?,
            held: fields.flag("held")?,
            payment: fields.payment("paymentHash")?,
            metadata_cid: fields.text("metadataCid")?,
            tracking_cid: fields.text("trackingCid")?,
            evidence_cid: fields.text("evidenceCid")?,
        })
    }

    /// The event in a log; `None` for one that Descrow does not know.
    ///
    /// # Errors
    /// [`AbiError`] when a known event does not have the shape the ABI says.
    pub fn decode_event(&self, topics: &[[u8; 32]], data: &[u8]) -> Result<Option<EscrowEvent>, AbiError> {
        let Some(event) = topics.first().and_then(|topic| self.known_event(topic)) else {
            return Ok(None);
        };
        let decoded =
            event.decode_log_parts(topics.iter().map(|t| B256::from(*t)), data).map_err(|error| mismatch(&error))?;
        let (indexed, plain): (Vec<_>, Vec<_>) = event.inputs.iter().partition(|input| input.indexed);
        let names = indexed.into_iter().chain(plain).map(|input| input.name.as_str());
        let fields = Fields::new(&event.name, names, decoded.indexed.iter().chain(decoded.body.iter()));
        self.event_of(&event.name, &fields)
    }

    /// What the bytes of a revert say.
    pub fn decode_refusal(&self, data: &[u8]) -> Refusal {
        let Some(selector) = data.first_chunk::<4>() else {
            return Refusal { name: "Reverted".into(), detail: String::new() };
        };
        if *selector == REVERT_STRING {
            let text = alloy_dyn_abi::DynSolType::String.abi_decode_params(data.get(4..).unwrap_or_default());
            let detail = text.ok().and_then(|t| t.as_str().map(ToOwned::to_owned)).unwrap_or_default();
            return Refusal { name: "Error".into(), detail };
        }
        if *selector == PANIC {
            return Refusal {
                name: "Panic".into(),
                detail: format!("0x{}", hex::encode(data.get(35..).unwrap_or_default())),
            };
        }
        let Some(error) = self.abi.errors().find(|error| error.selector() == *selector) else {
            return Refusal { name: format!("0x{}", hex::encode(selector)), detail: String::new() };
        };
        let values = error.decode_error(data).map(|decoded| decoded.body).unwrap_or_default();
        let detail = error
            .inputs
            .iter()
            .zip(&values)
            .map(|(input, value)| format!("{}: {}", input.name, fields::shown(value)))
            .collect::<Vec<_>>()
            .join(", ");
        Refusal { name: error.name.clone(), detail }
    }

    fn message(&self, name: &str) -> Result<&Function, AbiError> {
        match self.abi.function(name).map(Vec::as_slice) {
            Some([function]) => Ok(function),
            _ => Err(AbiError::Lacks(format!("one message {name}"))),
        }
    }

    fn known_event(&self, topic: &[u8; 32]) -> Option<&Event> {
        let event = self.abi.events().find(|event| event.selector() == *topic)?;
        EVENTS.contains(&event.name.as_str()).then_some(event)
    }

    fn event_of(&self, name: &str, fields: &Fields<'_>) -> Result<Option<EscrowEvent>, AbiError> {
        let order = OrderRef(fields.word("orderId")?);
        Ok(Some(match name {
            "OrderCreated" => EscrowEvent::OrderCreated {
                order,
                buyer: fields.address("buyer")?,
                seller: fields.address("seller")?,
                amount: fields.planck("amount")?,
                metadata_cid: fields.text("metadataCid")?,
            },
            "OrderFunded" => EscrowEvent::OrderFunded {
                order,
                amount: fields.planck("amount")?,
                held: fields.flag("held")?,
                payment: fields.payment("paymentHash")?,
            },
            "OrderShipped" => EscrowEvent::OrderShipped { order, tracking_cid: fields.text("trackingCid")? },
            "OrderDelivered" => EscrowEvent::OrderDelivered { order },
            "OrderCompleted" => EscrowEvent::OrderCompleted { order, paid: fields.planck("paid")? },
            "DisputeRaised" => EscrowEvent::DisputeRaised {
                order,
                by: fields.address("by")?,
                evidence_cid: fields.text("evidenceCid")?,
            },
            "DisputeResolved" => EscrowEvent::DisputeResolved {
                order,
                to_buyer: fields.planck("toBuyer")?,
                to_seller: fields.planck("toSeller")?,
            },
            "OrderCancelled" => EscrowEvent::OrderCancelled { order, refunded: fields.planck("refunded")? },
            "PaymentRefused" => EscrowEvent::PaymentRefused {
                order,
                payment: fields.word("txHash")?,
                reason: self.decode_refusal(&fields.selector("reason")?).name,
            },
            _ => return Ok(None),
        }))
    }
}

fn mismatch(error: &alloy_dyn_abi::Error) -> AbiError {
    AbiError::Mismatch(error.to_string())
}

/// Bytes of constructor arguments, in the one shape the reference contract has: `valuePerPlanck`.
pub(crate) fn encode_constructor(value_per_planck: u128) -> Vec<u8> {
    DynSolValue::Uint(U256::from(value_per_planck), 256).abi_encode()
}

/// Planck that fit.
fn planck(value: U256) -> Result<Planck, AbiError> {
    u128::try_from(value).map(Planck).map_err(|_| AbiError::Mismatch("an amount is beyond 128 bits".into()))
}

fn address(value: alloy_primitives::Address) -> Address {
    Address(value.into_array())
}

#[cfg(test)]
mod tests;
