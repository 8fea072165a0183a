//! Evidence in a dispute: what a side shows, pinned and listed.

pub mod content;

use serde::{Deserialize, Serialize};

use crate::{
    Account, EvidenceId, OrderId, Timestamp,
    notification::{Change, MessagePart, Notification, NotificationKind},
    order::{Order, Party},
    text::Text,
};

/// What a piece of evidence is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum EvidenceKind {
    /// A picture.
    Image,
    /// A document.
    Document,
    /// A film.
    Video,
    /// Words.
    Text,
}

impl EvidenceKind {
    /// The names of every kind.
    pub const NAMES: [&'static str; 4] = ["image", "document", "video", "text"];
}

/// A row of `evidence`. Never changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Evidence {
    /// The key.
    pub id: EvidenceId,
    /// The order that is disputed.
    pub order_id: OrderId,
    /// The party who brought it.
    pub by: Account,
    /// What it is.
    pub kind: EvidenceKind,
    /// What it shows, in the party's words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<Text<1, 2000>>,
    /// CID of the content.
    pub cid: String,
    /// Bytes of the content.
    pub size: u64,
    /// Media type of the content.
    pub media_type: String,
    /// When it was brought.
    pub created_at: Timestamp,
}

impl Evidence {
    /// What the other party of its order is told; `None` where there is no other.
    pub fn notice(&self, order: &Order) -> Option<Notification> {
        let (other, who) = match order.party(&self.by)? {
            Party::Buyer => (order.seller_id, "buyer"),
            Party::Seller => (order.buyer_id, "seller"),
        };
        if other == self.by {
            return None;
        }
        let row = format!("evidence/{}", self.id);
        let change = Change { at: self.created_at, version: 1, row: &row };
        let title = order.product_title.as_str();
        Some(Notification {
            user_id: other,
            id: change.id(&other, MessagePart::Notification),
            kind: NotificationKind::Dispute,
            order_id: Some(order.id),
            title: "New evidence".to_owned(),
            message: format!("The {who} handed in evidence about “{title}”. You can answer it."),
            read: false,
            created_at: self.created_at,
        })
    }
}
