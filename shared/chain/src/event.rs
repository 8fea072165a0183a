//! What the contract says: its events, and an order as it stands.

use descrow_domain::Planck;

use crate::{Address, OrderRef};

/// Where the contract has an order. Its M-Pesa orders end as delivered, since it does not pay them out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ContractStatus {
    /// Never created.
    None,
    /// Created, not paid.
    Created,
    /// Paid into the contract, or recorded as paid elsewhere.
    Funded,
    /// Sent.
    Shipped,
    /// Received; the payout is not the contract's.
    Delivered,
    /// Received and paid out by the contract.
    Completed,
    /// An arbiter is asked.
    Disputed,
    /// An arbiter decided.
    Resolved,
    /// Given up.
    Cancelled,
}

impl ContractStatus {
    /// Every status, in the order of the contract's numbers.
    pub const ALL: [Self; 9] = [
        Self::None,
        Self::Created,
        Self::Funded,
        Self::Shipped,
        Self::Delivered,
        Self::Completed,
        Self::Disputed,
        Self::Resolved,
        Self::Cancelled,
    ];
}

/// An order as the contract has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrderState {
    /// Where it stands.
    pub status: ContractStatus,
    /// Who pays.
    pub buyer: Address,
    /// Who is paid.
    pub seller: Address,
    /// How much.
    pub amount: Planck,
    /// Whether the contract holds the amount.
    pub held: bool,
    /// The payment made elsewhere that was recorded.
    pub payment: Option<[u8; 32]>,
    /// What was given at creation.
    pub metadata_cid: String,
    /// What was given when it was sent.
    pub tracking_cid: String,
    /// What was given with the dispute.
    pub evidence_cid: String,
}

/// An event of the contract.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EscrowEvent {
    /// An order was opened.
    OrderCreated {
        /// The order.
        order: OrderRef,
        /// Who pays.
        buyer: Address,
        /// Who is paid.
        seller: Address,
        /// How much.
        amount: Planck,
        /// Document that describes what is sold.
        metadata_cid: String,
    },
    /// An order was paid.
    OrderFunded {
        /// The order.
        order: OrderRef,
        /// How much.
        amount: Planck,
        /// Whether the contract holds it.
        held: bool,
        /// The payment made elsewhere, where it was.
        payment: Option<[u8; 32]>,
    },
    /// The goods were sent.
    OrderShipped {
        /// The order.
        order: OrderRef,
        /// Tracking document.
        tracking_cid: String,
    },
    /// The goods were received.
    OrderDelivered {
        /// The order.
        order: OrderRef,
    },
    /// The contract paid the seller.
    OrderCompleted {
        /// The order.
        order: OrderRef,
        /// How much.
        paid: Planck,
    },
    /// A party asked an arbiter.
    DisputeRaised {
        /// The order.
        order: OrderRef,
        /// Who sent the message: a party or the oracle.
        by: Address,
        /// Evidence.
        evidence_cid: String,
    },
    /// An arbiter decided. The shares were paid only where the contract held the amount.
    DisputeResolved {
        /// The order.
        order: OrderRef,
        /// The buyer's share.
        to_buyer: Planck,
        /// The seller's share.
        to_seller: Planck,
    },
    /// The order was given up.
    OrderCancelled {
        /// The order.
        order: OrderRef,
        /// What the contract paid back.
        refunded: Planck,
    },
    /// An item of [`crate::EscrowCall::RecordPayments`] was skipped.
    PaymentRefused {
        /// The order.
        order: OrderRef,
        /// The payment.
        payment: [u8; 32],
        /// Name of the contract's error.
        reason: String,
    },
}

impl EscrowEvent {
    /// The order it is about.
    pub fn order(&self) -> OrderRef {
        match self {
            Self::OrderCreated { order, .. }
            | Self::OrderFunded { order, .. }
            | Self::OrderShipped { order, .. }
            | Self::OrderDelivered { order }
            | Self::OrderCompleted { order, .. }
            | Self::DisputeRaised { order, .. }
            | Self::DisputeResolved { order, .. }
            | Self::OrderCancelled { order, .. }
            | Self::PaymentRefused { order, .. } => *order,
        }
    }

    /// Its name in the contract.
    pub fn name(&self) -> &'static str {
        match self {
            Self::OrderCreated { .. } => "OrderCreated",
            Self::OrderFunded { .. } => "OrderFunded",
            Self::OrderShipped { .. } => "OrderShipped",
            Self::OrderDelivered { .. } => "OrderDelivered",
            Self::OrderCompleted { .. } => "OrderCompleted",
            Self::DisputeRaised { .. } => "DisputeRaised",
            Self::DisputeResolved { .. } => "DisputeResolved",
            Self::OrderCancelled { .. } => "OrderCancelled",
            Self::PaymentRefused { .. } => "PaymentRefused",
        }
    }
}

/// An event and where it happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContractEvent {
    /// Number of the block.
    pub block: u64,
    /// The event's index among all events of the block: with `block` it identifies the event.
    pub index: u32,
    /// Hash of the extrinsic that caused it; absent where a block's own hooks did.
    pub extrinsic_hash: Option<[u8; 32]>,
    /// What happened.
    pub event: EscrowEvent,
}
