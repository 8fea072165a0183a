//! Orders: their states, the moves between them, and what a party may see.
//!
//! A move that needs the chain is first a [`PendingAction`] on the order and becomes its status when the contract's event
//! is final (DESIGN §3). [`OrderStatus::after`] is the only place that knows the legal moves.

mod rules;

use serde::{Deserialize, Serialize};

pub use rules::{Actor, Money, Refusal, Viewer, Window};

use crate::{
    Account, OrderId, PaymentId, ProductId, Timestamp, dispute::Dispute, phone::Msisdn, rates::Quote, text::Text,
};

/// Where an order stands. The names are fixed: clients and the SQL schema know them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum OrderStatus {
    /// Ordered, not paid.
    Created,
    /// The contract recorded the payment in a finalised block.
    Funded,
    /// The seller sent it.
    Shipped,
    /// The buyer confirmed it, or the inspection window ended.
    Delivered,
    /// The seller was paid.
    Completed,
    /// A party asked an admin to decide.
    Disputed,
    /// An admin decided.
    Resolved,
    /// Given up before payment, or refunded before shipping.
    Cancelled,
}

/// What moves an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum OrderMove {
    /// The payment is on the contract.
    Fund,
    /// The seller ships.
    Ship,
    /// The buyer confirms delivery.
    Deliver,
    /// The seller is paid.
    Complete,
    /// A party disputes.
    Dispute,
    /// An admin resolves.
    Resolve,
    /// The order is given up; after funding this refunds the buyer.
    Cancel,
}

impl OrderStatus {
    /// Every status.
    pub const ALL: [Self; 8] = [
        Self::Created,
        Self::Funded,
        Self::Shipped,
        Self::Delivered,
        Self::Completed,
        Self::Disputed,
        Self::Resolved,
        Self::Cancelled,
    ];

    /// The status that `action` leads to from here.
    ///
    /// # Errors
    /// [`IllegalMove`] names the status and the moves that it allows.
    pub fn after(self, action: OrderMove) -> Result<Self, IllegalMove> {
        use OrderMove as M;
        match (self, action) {
            (Self::Created, M::Fund) => Ok(Self::Funded),
            (Self::Funded, M::Ship) => Ok(Self::Shipped),
            (Self::Shipped, M::Deliver) => Ok(Self::Delivered),
            (Self::Delivered, M::Complete) => Ok(Self::Completed),
            (Self::Funded | Self::Shipped | Self::Delivered, M::Dispute) => Ok(Self::Disputed),
            (Self::Disputed, M::Resolve) => Ok(Self::Resolved),
            (Self::Created | Self::Funded, M::Cancel) => Ok(Self::Cancelled),
            _ => Err(IllegalMove { status: self, action }),
        }
    }

    /// The moves this status allows.
    pub fn allowed(self) -> Vec<OrderMove> {
        OrderMove::ALL.into_iter().filter(|action| self.after(*action).is_ok()).collect()
    }

    /// Whether nothing can follow.
    pub fn is_final(self) -> bool {
        matches!(self, Self::Completed | Self::Resolved | Self::Cancelled)
    }

    /// The name that the API, the tables and the contract's documentation use.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Funded => "funded",
            Self::Shipped => "shipped",
            Self::Delivered => "delivered",
            Self::Completed => "completed",
            Self::Disputed => "disputed",
            Self::Resolved => "resolved",
            Self::Cancelled => "cancelled",
        }
    }
}

impl OrderMove {
    /// Every move.
    pub const ALL: [Self; 7] =
        [Self::Fund, Self::Ship, Self::Deliver, Self::Complete, Self::Dispute, Self::Resolve, Self::Cancel];
}

/// The order's status does not allow the move.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("order is {}", status.as_str())]
pub struct IllegalMove {
    /// Where the order stands.
    pub status: OrderStatus,
    /// What was asked.
    pub action: OrderMove,
}

/// How the buyer pays.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum PaymentMode {
    /// Into the escrow contract, from the buyer's own wallet.
    Dot,
    /// By M-Pesa, recorded on the contract by the oracle.
    Mpesa,
}

impl PaymentMode {
    /// Every mode.
    pub const ALL: [Self; 2] = [Self::Dot, Self::Mpesa];

    /// The name that the API and the tables use.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Dot => "dot",
            Self::Mpesa => "mpesa",
        }
    }
}

/// A move that waits for the chain, visible in the API until its event is final.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PendingAction {
    /// The move.
    pub action: OrderMove,
    /// The chain command that carries it out.
    pub command_id: String,
    /// Who asked: a party, an admin, the payer; `None` for the system, when a window ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<Account>,
    /// When.
    pub at: Timestamp,
}

/// One line of an order's history.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Transition {
    /// The status reached.
    pub status: OrderStatus,
    /// When it was reached.
    pub at: Timestamp,
    /// Who caused it, where a person did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<Account>,
    /// Hash of the extrinsic (0x-hex) where the chain decided.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub extrinsic: Option<String>,
    /// Number of the finalised block where the chain decided.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub block: Option<u64>,
}

/// How a parcel can be followed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tracking {
    /// Who carries it.
    pub carrier: Text<1, 100>,
    /// The carrier's number for it.
    pub number: Text<1, 100>,
    /// CID of the tracking document that is named on the contract.
    pub cid: String,
    /// CID of the carrier's paper that the seller added.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub document: Option<String>,
}

/// The instants by which each party must act, each in force in one status only.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deadlines {
    /// `created`: unpaid after this, the order is cancelled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payment: Option<Timestamp>,
    /// `funded`: not shipped after this, the order is cancelled and the buyer refunded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shipping: Option<Timestamp>,
    /// `shipped`: not confirmed after this, delivery is taken as confirmed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inspection: Option<Timestamp>,
    /// `disputed`: no evidence is taken after this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evidence: Option<Timestamp>,
}

/// A payment into the contract from the buyer's own wallet, as the buyer reported it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DotPayment {
    /// Hash of the extrinsic, 0x-hex.
    pub extrinsic_hash: String,
    /// Hash of the block that holds it, 0x-hex, where the buyer knew it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub block_hash: Option<String>,
    /// When it was reported.
    pub at: Timestamp,
    /// Why the contract refused it, by the name of its error; `None` while nothing is known to be wrong.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<String>,
}

/// A row of `orders`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Order {
    /// The key.
    pub id: OrderId,
    /// Who pays.
    pub buyer_id: Account,
    /// Who ships and is paid.
    pub seller_id: Account,
    /// What is bought.
    pub product_id: ProductId,
    /// The product's title when it was ordered.
    pub product_title: Text<1, 255>,
    /// Pieces ordered.
    pub quantity: u32,
    /// How the buyer pays.
    pub payment_mode: PaymentMode,
    /// Where the order stands.
    pub status: OrderStatus,
    /// The amounts, fixed at creation.
    pub quote: Quote,
    /// Where to send it. Personal data: [`OrderView`](crate::view::OrderView) shows it to those who need it, while they do.
    pub delivery_address: Text<10, 500>,
    /// The buyer's number for M-Pesa. Personal data: shown to the buyer only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phone: Option<Msisdn>,
    /// The M-Pesa payment that is under way, or the one that paid.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payment_id: Option<PaymentId>,
    /// The payout to the seller, once there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payout_id: Option<PaymentId>,
    /// The refund to the buyer, once there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refund_id: Option<PaymentId>,
    /// What really funded it, by the contract's event: any order can be paid from a wallet. Read it by [`Order::paid_by`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub funded_by: Option<PaymentMode>,
    /// The payment in DOT that the buyer reported last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dot_payment: Option<DotPayment>,
    /// The dispute, from when it was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dispute: Option<Dispute>,
    /// The move that waits for the chain.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pending: Option<PendingAction>,
    /// Whether `OrderCreated` was seen in a finalised block.
    #[serde(default)]
    pub on_chain: bool,
    /// How the parcel can be followed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tracking: Option<Tracking>,
    /// By when each party must act.
    #[serde(default)]
    pub deadlines: Deadlines,
    /// Every status it had.
    pub history: Vec<Transition>,
    /// Rises with each change.
    pub version: u64,
    /// When it was ordered.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

/// What somebody is to an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Party {
    /// Pays and confirms.
    Buyer,
    /// Ships and is paid.
    Seller,
}

impl Order {
    /// What `account` is to this order; `None` for a stranger, to whom it does not exist.
    pub fn party(&self, account: &Account) -> Option<Party> {
        if *account == self.buyer_id {
            Some(Party::Buyer)
        } else if *account == self.seller_id {
            Some(Party::Seller)
        } else {
            None
        }
    }
}

/// The reference under which the contract knows an order: the SHA-256 of `descrow:order:` and the id's 16 bytes. It is
/// also the contract's order id (see `infra/contract`), so no answer of the chain is needed to name an order.
pub fn order_ref(id: OrderId) -> [u8; 32] {
    use sha2::{Digest, Sha256};
    let mut hasher = Sha256::new();
    hasher.update(b"descrow:order:");
    hasher.update(id.as_uuid().as_bytes());
    hasher.finalize().into()
}

/// The 32 bytes that stand for an M-Pesa payment on the contract: the SHA-256 of the payment's id, with the receipt
/// where it is known. Nothing of the payer or of M-Pesa can be read from it.
pub fn payment_hash(id: PaymentId, receipt: Option<&str>) -> [u8; 32] {
    use sha2::{Digest, Sha256};
    let mut hasher = Sha256::new();
    hasher.update(b"descrow:payment:");
    hasher.update(id.as_uuid().as_bytes());
    hasher.update(receipt.unwrap_or_default().as_bytes());
    hasher.finalize().into()
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::{Kes, Planck, UsdCents, rates::Rates};

    /// A funded order to test with.
    pub(crate) fn order() -> Order {
        let account = |byte| Account::from_bytes([byte; 32]);
        Order {
            id: "0190a2b0000070008000000000000001".parse().unwrap(),
            buyer_id: account(1),
            seller_id: account(2),
            product_id: "0190a2b0000070008000000000000002".parse().unwrap(),
            product_title: "A bicycle".parse().unwrap(),
            quantity: 2,
            payment_mode: PaymentMode::Mpesa,
            status: OrderStatus::Funded,
            quote: Quote {
                amount: Planck(125_000_000_000),
                usd: UsdCents(5_250),
                kes: Kes(6_797),
                rates: Rates {
                    usd_per_dot: 4_20_000_000,
                    kes_per_usd: 129_45_000_000,
                    source: "configuration".into(),
                    at: Timestamp(0),
                },
            },
            delivery_address: "Moi Avenue 1, Nairobi".parse().unwrap(),
            phone: Some("254708374149".parse().unwrap()),
            payment_id: None,
            payout_id: None,
            refund_id: None,
            funded_by: None,
            dot_payment: None,
            dispute: None,
            pending: None,
            on_chain: true,
            tracking: None,
            deadlines: Deadlines { shipping: Some(Timestamp(1_000)), ..Deadlines::default() },
            history: vec![Transition {
                status: OrderStatus::Funded,
                at: Timestamp(1),
                by: None,
                extrinsic: Some("0xab".into()),
                block: Some(7),
            }],
            version: 3,
            created_at: Timestamp(0),
            updated_at: Timestamp(1),
        }
    }

    /// The matrix of DESIGN §3, written out: one row a status, one column a move in the order of [`OrderMove::ALL`].
    #[test]
    fn the_whole_transition_matrix_is_as_designed() {
        use OrderStatus::{Cancelled, Completed, Created, Delivered, Disputed, Funded, Resolved, Shipped};
        let matrix = [
            (Created, [Some(Funded), None, None, None, None, None, Some(Cancelled)]),
            (Funded, [None, Some(Shipped), None, None, Some(Disputed), None, Some(Cancelled)]),
            (Shipped, [None, None, Some(Delivered), None, Some(Disputed), None, None]),
            (Delivered, [None, None, None, Some(Completed), Some(Disputed), None, None]),
            (Completed, [None; 7]),
            (Disputed, [None, None, None, None, None, Some(Resolved), None]),
            (Resolved, [None; 7]),
            (Cancelled, [None; 7]),
        ];
        assert_eq!(matrix.map(|(from, _)| from), OrderStatus::ALL);
        for (from, row) in matrix {
            for (action, expected) in OrderMove::ALL.into_iter().zip(row) {
                let refused = IllegalMove { status: from, action };
                assert_eq!(from.after(action), expected.ok_or(refused), "{from:?} {action:?}");
            }
            assert_eq!(from.is_final(), row == [None; 7], "{from:?}");
            assert_eq!(from.allowed().len(), row.iter().flatten().count(), "{from:?}");
        }
    }

    #[test]
    fn names_of_statuses_and_modes_are_the_ones_in_json() {
        for status in OrderStatus::ALL {
            assert_eq!(serde_json::to_value(status).unwrap(), status.as_str());
        }
        for mode in PaymentMode::ALL {
            assert_eq!(serde_json::to_value(mode).unwrap(), mode.as_str());
        }
    }

    #[test]
    fn references_differ_by_order_and_payment_and_hide_the_receipt() {
        let (one, two) = (OrderId::new(), OrderId::new());
        assert_ne!(order_ref(one), order_ref(two));
        let payment = PaymentId::new();
        assert_ne!(payment_hash(payment, None), payment_hash(payment, Some("NLJ7RT61SV")));
        assert_eq!(payment_hash(payment, Some("NLJ7RT61SV")), payment_hash(payment, Some("NLJ7RT61SV")));
    }
}
