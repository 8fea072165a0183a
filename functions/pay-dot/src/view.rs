//! What the client gets.

use descrow_chain::{Address, Runtime, Unsigned, UnsignedCall, revive::Limits};
use descrow_domain::{
    Account, OrderId,
    order::{Order, OrderStatus},
};
use serde::Serialize;
use utoipa::ToSchema;

/// What a wallet must sign to pay an order: `api.tx(api.createType('Call', callData)).signAndSend(signer)`.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct UnsignedPayment {
    /// The order it pays.
    #[schema(value_type = String, format = "uuid")]
    order_id: OrderId,
    /// The account that must sign: the buyer's.
    #[schema(value_type = String)]
    signer: Account,
    /// The contract that is paid, 0x-hex.
    contract: String,
    /// Hash of the chain's first block: the chain it is for.
    genesis_hash: String,
    /// The runtime's name.
    spec_name: String,
    /// The runtime's version. In another one the call data may mean something else: ask for it anew.
    spec_version: u32,
    /// The version of how the runtime's calls are written.
    transaction_version: u32,
    /// To be signed and in a block before `call`: makes the account known to contracts. Absent where it is.
    prerequisite: Option<WalletCall>,
    /// Pays exactly the order's amount.
    call: WalletCall,
    /// Until when the order can be paid.
    pay_until: Option<String>,
}

/// One call to sign, as it is.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct WalletCall {
    /// The pallet, as the chain's metadata writes it.
    #[schema(example = "Revive")]
    pallet: String,
    /// The call, as the chain's metadata writes it.
    #[schema(example = "call")]
    call: String,
    /// The SCALE-encoded call, 0x-hex.
    call_data: String,
    /// What is paid along with it, in planck.
    #[schema(example = "25000000000")]
    value: String,
    /// The same in DOT.
    #[schema(example = "2.5")]
    value_dot: String,
    /// What it may use up, from a dry-run with a margin; absent where the call sets no limits.
    limits: Option<CallLimits>,
}

/// What a call may use up.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CallLimits {
    /// Execution time in picoseconds.
    ref_time: String,
    /// Bytes of proof.
    proof_size: String,
    /// Planck that storage may hold back.
    storage_deposit: String,
}

impl UnsignedPayment {
    pub(crate) fn new(order: &Order, contract: Address, runtime: &Runtime, unsigned: &Unsigned) -> Self {
        Self {
            order_id: order.id,
            signer: order.buyer_id,
            contract: contract.to_string(),
            genesis_hash: hex(&runtime.genesis),
            spec_name: runtime.spec_name.clone(),
            spec_version: runtime.spec_version,
            transaction_version: runtime.transaction_version,
            prerequisite: unsigned.prerequisite.as_ref().map(WalletCall::new),
            call: WalletCall::new(&unsigned.message),
            pay_until: order.deadlines.payment.map(descrow_domain::Timestamp::rfc3339),
        }
    }
}

impl WalletCall {
    fn new(call: &UnsignedCall) -> Self {
        Self {
            pallet: call.pallet.clone(),
            call: call.call.clone(),
            call_data: hex(&call.data),
            value: call.value.to_string(),
            value_dot: call.value.to_dot(),
            limits: call.limits.map(CallLimits::new),
        }
    }
}

impl CallLimits {
    fn new(limits: Limits) -> Self {
        Self {
            ref_time: limits.weight.ref_time.to_string(),
            proof_size: limits.weight.proof_size.to_string(),
            storage_deposit: limits.deposit.to_string(),
        }
    }
}

/// What was noted of an extrinsic.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct DotReport {
    /// The order.
    #[schema(value_type = String, format = "uuid")]
    pub(crate) order_id: OrderId,
    /// Where the order stands; `funded` once the payment is final.
    pub(crate) order_status: OrderStatus,
    /// 0x-hex.
    pub(crate) extrinsic_hash: String,
    /// 0x-hex.
    pub(crate) block_hash: Option<String>,
    /// What is known of it.
    pub(crate) outcome: ReportedOutcome,
    /// Why it did not pay the order, which may be paid again.
    pub(crate) failure: Option<ReportedFailure>,
}

/// Why an extrinsic did not pay an order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct ReportedFailure {
    /// `Underpaid`, `Overpaid`, `OutOfGas`, `AnotherCall`, or the name of the contract's or the runtime's error.
    #[schema(example = "Underpaid")]
    pub(crate) code: String,
    /// The same in words.
    #[schema(example = "only 2.4 DOT were sent")]
    pub(crate) message: String,
}

/// What is known of a reported extrinsic.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ReportedOutcome {
    /// It was sent; which block holds it was not said.
    Sent,
    /// Our node does not see it in that block (yet).
    Unseen,
    /// It paid the order in that block, which may not be final yet.
    Included,
    /// It did not pay the order: `failure` says why.
    Failed,
    /// It paid the order in a final block.
    Final,
}

/// 0x and hex digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    format!("0x{}", hex::encode(bytes))
}
