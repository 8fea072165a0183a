//! Users: who they are to the marketplace.

use serde::{Deserialize, Serialize};

use crate::{Account, Msisdn, Timestamp, kyc::KycSubmission, text::Text};

/// What a user may do. `Admin` is never self-assigned.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Orders and pays.
    Buyer,
    /// Lists products and ships; may buy as well.
    Seller,
    /// Decides disputes and KYC.
    Admin,
}

impl Role {
    /// The name, as in the database and in the API.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Buyer => "buyer",
            Self::Seller => "seller",
            Self::Admin => "admin",
        }
    }
}

/// How far the user's identity is checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KycStatus {
    /// Nothing was handed in.
    Pending,
    /// Documents wait for an admin.
    Submitted,
    /// An admin approved them.
    Verified,
    /// An admin refused them.
    Rejected,
}

impl KycStatus {
    /// Every status.
    pub const ALL: [Self; 4] = [Self::Pending, Self::Submitted, Self::Verified, Self::Rejected];

    /// The name, as in the database and in the API.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Submitted => "submitted",
            Self::Verified => "verified",
            Self::Rejected => "rejected",
        }
    }

    /// Whether documents may be handed in: not while some wait for a decision, nor after they were approved.
    pub fn takes_documents(self) -> bool {
        matches!(self, Self::Pending | Self::Rejected)
    }
}

/// A row of `users`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct User {
    /// The account, which is the key.
    pub id: Account,
    /// What the user may do.
    pub role: Role,
    /// Identity check.
    pub kyc_status: KycStatus,
    /// Where a seller is paid and a buyer is asked to pay by default. Personal data.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phone: Option<Msisdn>,
    /// How the user wants to be called.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub display_name: Option<Text<1, 100>>,
    /// Contact address. Personal data.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<Text<3, 255>>,
    /// What was handed in last so that the identity can be checked, and what became of it. Personal data.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kyc: Option<KycSubmission>,
    /// Rises with each change of role or KYC status; a token that carries a lower number no longer changes state.
    pub auth_version: u64,
    /// When the account registered.
    pub created_at: Timestamp,
    /// When the row last changed.
    pub updated_at: Timestamp,
}
