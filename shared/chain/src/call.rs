//! What can be asked of the escrow contract (DESIGN §8).

use descrow_domain::{Account, Planck};

use crate::OrderRef;

/// A payment that was made elsewhere, as the contract records it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OffchainPayment {
    /// The order it pays.
    pub order: OrderRef,
    /// [`descrow_domain::order::payment_hash`].
    pub payment: [u8; 32],
}

/// How a dispute ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resolution {
    /// The buyer gets everything back.
    RefundBuyer,
    /// The seller gets everything.
    ReleaseToSeller,
    /// The seller gets so many basis points, rounded down; the buyer the rest.
    Split {
        /// 0 to 10,000; the contract refuses more.
        seller_bps: u16,
    },
}

/// A message to the contract. Its sender is a party of the order or the oracle.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EscrowCall {
    /// Opens an order; with the arguments of an existing one it succeeds and changes nothing.
    CreateOrder {
        /// The order.
        order: OrderRef,
        /// Who pays.
        buyer: Account,
        /// Who is paid.
        seller: Account,
        /// How much.
        amount: Planck,
        /// Document that describes what is sold; may be empty.
        metadata_cid: String,
    },
    /// Pays exactly `amount` into the contract.
    Fund {
        /// The order.
        order: OrderRef,
        /// Its amount, sent along.
        amount: Planck,
    },
    /// Records one payment; a refusal refuses the call.
    RecordPayment(OffchainPayment),
    /// Records many; a refused one is skipped and reported by [`crate::EscrowEvent::PaymentRefused`].
    RecordPayments(Vec<OffchainPayment>),
    /// The seller has sent the goods.
    MarkShipped {
        /// The order.
        order: OrderRef,
        /// Tracking document; may be empty.
        tracking_cid: String,
    },
    /// The buyer has the goods.
    ConfirmDelivery {
        /// The order.
        order: OrderRef,
    },
    /// A party asks an arbiter to decide.
    RaiseDispute {
        /// The order.
        order: OrderRef,
        /// Evidence; may be empty.
        evidence_cid: String,
    },
    /// An arbiter decides.
    ResolveDispute {
        /// The order.
        order: OrderRef,
        /// How.
        resolution: Resolution,
    },
    /// Gives the order up, with a refund of what the contract holds.
    Cancel {
        /// The order.
        order: OrderRef,
    },
}

impl EscrowCall {
    /// What is sent along with the message.
    pub fn value(&self) -> Planck {
        match self {
            Self::Fund { amount, .. } => *amount,
            _ => Planck(0),
        }
    }

    /// The message's name in the contract.
    pub fn message(&self) -> &'static str {
        match self {
            Self::CreateOrder { .. } => "createOrder",
            Self::Fund { .. } => "fund",
            Self::RecordPayment(_) => "recordOffchainPayment",
            Self::RecordPayments(_) => "recordOffchainPayments",
            Self::MarkShipped { .. } => "markShipped",
            Self::ConfirmDelivery { .. } => "confirmDelivery",
            Self::RaiseDispute { .. } => "raiseDispute",
            Self::ResolveDispute { .. } => "resolveDispute",
            Self::Cancel { .. } => "cancel",
        }
    }
}
