//! Commands to the escrow contract: what the oracle has promised to write, kept until a finalised block shows it.
//!
//! A command is committed together with the change that causes it, and its id is a function of what it does, so it exists
//! once however often it is asked for. It is signed once: bytes, hash and nonce are stored before they are sent, and only
//! those bytes are ever sent again (DESIGN §8).

use serde::{Deserialize, Serialize};

use crate::{Account, OrderId, PaymentId, Planck, Timestamp, dispute::DisputeResolution, order::OrderMove};

/// What the contract is told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Command {
    /// `createOrder`: the order exists.
    CreateOrder {
        /// Who pays.
        buyer: Account,
        /// Who is paid.
        seller: Account,
        /// The price.
        amount: Planck,
        /// CID of the order's public metadata; empty where there is none.
        metadata_cid: String,
    },
    /// `recordOffchainPayment`: shillings were received for the order.
    RecordPayment {
        /// The payment.
        payment_id: PaymentId,
        /// 0x-hex of [`crate::order::payment_hash`].
        tx_hash: String,
    },
    /// `markShipped`: the seller sent it.
    MarkShipped {
        /// CID of the tracking document.
        tracking_cid: String,
    },
    /// `confirmDelivery`: the buyer has it.
    ConfirmDelivery,
    /// `cancel`: the order is given up; the contract pays back what it holds.
    Cancel,
    /// `raiseDispute`: a party asks an admin to decide.
    RaiseDispute {
        /// CID of the first evidence; empty where there is none.
        evidence_cid: String,
    },
    /// `resolveDispute`: an admin decided.
    ResolveDispute {
        /// How.
        resolution: DisputeResolution,
    },
}

/// A command without its details.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CommandKind {
    /// [`Command::CreateOrder`]
    CreateOrder,
    /// [`Command::RecordPayment`]
    RecordPayment,
    /// [`Command::MarkShipped`]
    MarkShipped,
    /// [`Command::ConfirmDelivery`]
    ConfirmDelivery,
    /// [`Command::Cancel`]
    Cancel,
    /// [`Command::RaiseDispute`]
    RaiseDispute,
    /// [`Command::ResolveDispute`]
    ResolveDispute,
}

impl CommandKind {
    /// The name, as in ids and tables.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::CreateOrder => "create_order",
            Self::RecordPayment => "record_payment",
            Self::MarkShipped => "mark_shipped",
            Self::ConfirmDelivery => "confirm_delivery",
            Self::Cancel => "cancel",
            Self::RaiseDispute => "raise_dispute",
            Self::ResolveDispute => "resolve_dispute",
        }
    }

    /// The id of the command of this kind for `order`: there is one at most.
    pub fn id(self, order: OrderId) -> String {
        format!("{}#{order}", self.as_str())
    }
}

impl Command {
    /// What kind it is.
    pub fn command_kind(&self) -> CommandKind {
        match self {
            Self::CreateOrder { .. } => CommandKind::CreateOrder,
            Self::RecordPayment { .. } => CommandKind::RecordPayment,
            Self::MarkShipped { .. } => CommandKind::MarkShipped,
            Self::ConfirmDelivery => CommandKind::ConfirmDelivery,
            Self::Cancel => CommandKind::Cancel,
            Self::RaiseDispute { .. } => CommandKind::RaiseDispute,
            Self::ResolveDispute { .. } => CommandKind::ResolveDispute,
        }
    }

    /// The command's name, as in ids and tables.
    pub fn kind(&self) -> &'static str {
        self.command_kind().as_str()
    }

    /// The id of this command for `order`: one command of a kind for each order.
    pub fn id(&self, order: OrderId) -> String {
        self.command_kind().id(order)
    }

    /// The move of the order that the command carries out; `None` for the creation, which moves nothing.
    pub fn order_move(&self) -> Option<OrderMove> {
        match self {
            Self::CreateOrder { .. } => None,
            Self::RecordPayment { .. } => Some(OrderMove::Fund),
            Self::MarkShipped { .. } => Some(OrderMove::Ship),
            Self::ConfirmDelivery => Some(OrderMove::Deliver),
            Self::Cancel => Some(OrderMove::Cancel),
            Self::RaiseDispute { .. } => Some(OrderMove::Dispute),
            Self::ResolveDispute { .. } => Some(OrderMove::Resolve),
        }
    }
}

/// How far a command is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CommandStatus {
    /// Not signed, or to be signed anew after its transaction expired unseen.
    Queued,
    /// Signed; sent, or about to be.
    Submitted,
    /// Its event is in a finalised block.
    Final,
    /// The contract refuses it: it will never happen.
    Failed,
}

impl CommandStatus {
    /// Whether work is left.
    pub fn is_open(self) -> bool {
        matches!(self, Self::Queued | Self::Submitted)
    }

    /// The name in tables.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Submitted => "submitted",
            Self::Final => "final",
            Self::Failed => "failed",
        }
    }
}

/// A row of `chain_commands`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChainCommand {
    /// The key: [`Command::id`].
    pub id: String,
    /// The order concerned.
    pub order_id: OrderId,
    /// What the contract is told.
    pub command: Command,
    /// How far it is.
    pub status: CommandStatus,
    /// Hash of the signed extrinsic, 0x-hex.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub extrinsic_hash: Option<String>,
    /// The signed extrinsic, 0x-hex: what is sent again, unchanged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub extrinsic_bytes: Option<String>,
    /// The nonce it was signed with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nonce: Option<u64>,
    /// The last block it is valid in; unseen after that, it may be signed anew.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub valid_until_block: Option<u64>,
    /// How often it was signed.
    pub attempts: u32,
    /// Why it failed, in the contract's words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// The finalised block that shows it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub block: Option<u64>,
    /// When it was committed.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
    /// Rises with each change.
    pub version: u64,
}

impl ChainCommand {
    /// A command to be committed for `order`.
    pub fn new(order_id: OrderId, command: Command, now: Timestamp) -> Self {
        Self {
            id: command.id(order_id),
            order_id,
            command,
            status: CommandStatus::Queued,
            extrinsic_hash: None,
            extrinsic_bytes: None,
            nonce: None,
            valid_until_block: None,
            attempts: 0,
            error: None,
            block: None,
            created_at: now,
            updated_at: now,
            version: 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all() -> [(Command, serde_json::Value); 7] {
        let account = Account::from_bytes([1; 32]);
        let payment = PaymentId::derived(&uuid::Uuid::nil(), "p");
        [
            (
                Command::CreateOrder {
                    buyer: account,
                    seller: account,
                    amount: Planck(u128::MAX),
                    metadata_cid: String::new(),
                },
                serde_json::json!({"kind": "create_order", "buyer": account, "seller": account,
                    "amount": u128::MAX.to_string(), "metadata_cid": ""}),
            ),
            (
                Command::RecordPayment { payment_id: payment, tx_hash: "0x00".into() },
                serde_json::json!({"kind": "record_payment", "payment_id": payment, "tx_hash": "0x00"}),
            ),
            (
                Command::MarkShipped { tracking_cid: "bafy".into() },
                serde_json::json!({"kind": "mark_shipped", "tracking_cid": "bafy"}),
            ),
            (Command::ConfirmDelivery, serde_json::json!({"kind": "confirm_delivery"})),
            (Command::Cancel, serde_json::json!({"kind": "cancel"})),
            (
                Command::RaiseDispute { evidence_cid: "bafy".into() },
                serde_json::json!({"kind": "raise_dispute", "evidence_cid": "bafy"}),
            ),
            (
                Command::ResolveDispute {
                    resolution: DisputeResolution::Split { seller_bps: 2500.try_into().unwrap() },
                },
                serde_json::json!({"kind": "resolve_dispute",
                    "resolution": {"kind": "split", "seller_bps": 2500}}),
            ),
        ]
    }

    #[test]
    fn every_command_is_stored_under_its_kind_and_reads_back() {
        for (command, json) in all() {
            assert_eq!(serde_json::to_value(&command).unwrap(), json);
            assert_eq!(json["kind"], command.kind());
            assert_eq!(serde_json::from_value::<Command>(json).unwrap(), command);
        }
    }

    #[test]
    fn an_order_has_one_command_of_a_kind() {
        let order = OrderId::new();
        let ids: std::collections::HashSet<_> = all().iter().map(|(command, _)| command.id(order)).collect();
        assert_eq!(ids.len(), 7);
        let (one, two) = (PaymentId::new(), PaymentId::new());
        let record = |payment_id| Command::RecordPayment { payment_id, tx_hash: String::new() }.id(order);
        assert_eq!(record(one), record(two), "a second payment for an order is never recorded");
        assert_ne!(Command::ConfirmDelivery.id(order), Command::ConfirmDelivery.id(OrderId::new()));
    }

    #[test]
    fn only_unfinished_commands_are_open() {
        use CommandStatus::{Failed, Final, Queued, Submitted};
        assert_eq!([Queued, Submitted, Final, Failed].map(CommandStatus::is_open), [true, true, false, false]);
        for status in [Queued, Submitted, Final, Failed] {
            assert_eq!(serde_json::to_value(status).unwrap(), status.as_str());
        }
    }
}
