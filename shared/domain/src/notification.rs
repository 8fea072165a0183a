//! Notifications: what a user is told about an order or its own account, kept so that it can be read later and replayed to a device that
//! was away.
//!
//! The id of a notification is a function of the change it tells about. Its leading bits are the instant of the change, so
//! that a user's notifications sort by time; its tail is a hash, so that the same change, delivered twice, is written once.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::{Account, NotificationId, OrderId, Timestamp};

/// What a notification is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum NotificationKind {
    /// The order reached another status.
    OrderStatus,
    /// A move was asked for and waits for the chain.
    OrderPending,
    /// A move that waited for the chain did not happen.
    OrderActionFailed,
    /// The buyer's M-Pesa payment went on.
    Payment,
    /// The seller's payout went on.
    Payout,
    /// Evidence of a dispute came, or none is taken any more.
    Dispute,
    /// An admin decided about the user's KYC documents.
    Kyc,
    /// Something happened to the account that its owner should look into.
    Security,
}

/// A row of `notifications`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notification {
    /// Whom it is for: the partition key.
    pub user_id: Account,
    /// The sort key: later notifications have greater ids.
    pub id: NotificationId,
    /// What it is about.
    pub kind: NotificationKind,
    /// The order concerned; `None` where it is about the account.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order_id: Option<OrderId>,
    /// One line for people.
    pub title: String,
    /// A sentence for people. No personal data: it is shown on lock screens.
    pub message: String,
    /// Whether the user marked it as read.
    #[serde(default)]
    pub read: bool,
    /// When the change happened.
    pub created_at: Timestamp,
}

/// A change of a row, as far as it names a notification.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Change<'a> {
    /// When the row was changed.
    pub at: Timestamp,
    /// The row's version after it.
    pub version: u64,
    /// What changed: the table's and the row's name.
    pub row: &'a str,
}

/// The kinds of realtime message that one change causes, in the order in which they are sent and their ids sort.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MessagePart {
    /// The order or the payment itself.
    Subject,
    /// The notification about it.
    Notification,
}

impl Change<'_> {
    /// The id of the message, or of the notification itself, that tells `user` about this change: a `UUIDv7` of the
    /// change's instant, then of its version, then of a hash. Equal input gives an equal id.
    pub fn id(&self, user: &Account, part: MessagePart) -> NotificationId {
        let mut hasher = Sha256::new();
        hasher.update(b"descrow:notification:");
        hasher.update(user.as_bytes());
        hasher.update(self.version.to_be_bytes());
        hasher.update(self.row.as_bytes());
        let digest: [u8; 32] = hasher.finalize().into();
        let mut tail = [0; 10];
        let source = self.version.to_be_bytes().into_iter().skip(6).chain(digest);
        tail.iter_mut().zip(source).for_each(|(to, from)| *to = from);
        // The lowest bit tells the two messages of a change apart and puts them in the order of their sending.
        if let Some(last) = tail.last_mut() {
            *last = match part {
                MessagePart::Subject => *last & !1,
                MessagePart::Notification => *last | 1,
            };
        }
        let millis = u64::try_from(self.at.0).unwrap_or_default();
        uuid::Builder::from_unix_timestamp_millis(millis, &tail).into_uuid().into()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const USER: Account = Account::from_bytes([1; 32]);

    #[test]
    fn a_row_names_its_order_where_it_is_about_one() {
        let order: OrderId = "01998f00-1111-7000-8000-000000000001".parse().unwrap();
        let mut row = Notification {
            user_id: USER,
            id: "0190a2b0-0000-7000-8000-000000000001".parse().unwrap(),
            kind: NotificationKind::Payment,
            order_id: Some(order),
            title: "Paid".into(),
            message: "The payment arrived.".into(),
            read: false,
            created_at: Timestamp(1),
        };
        let mut expected = serde_json::json!({
            "user_id": USER, "id": row.id, "kind": "payment", "order_id": order, "title": "Paid",
            "message": "The payment arrived.", "read": false, "created_at": 1,
        });
        assert_eq!(serde_json::to_value(&row).unwrap(), expected);
        assert_eq!(serde_json::from_value::<Notification>(expected.clone()).unwrap(), row);
        (row.kind, row.order_id) = (NotificationKind::Security, None);
        expected["kind"] = "security".into();
        expected.as_object_mut().unwrap().remove("order_id");
        assert_eq!(serde_json::to_value(&row).unwrap(), expected);
        assert_eq!(serde_json::from_value::<Notification>(expected).unwrap(), row);
    }

    #[test]
    fn an_id_is_a_uuid_v7_of_the_change_and_differs_by_user_row_and_part() {
        let change = Change { at: Timestamp(1_700_000_000_123), version: 3, row: "orders/a" };
        let id = change.id(&USER, MessagePart::Notification);
        assert_eq!(id.created_at(), Some(change.at));
        assert_eq!(id.as_uuid().get_version_num(), 7);
        assert_ne!(id, change.id(&Account::from_bytes([2; 32]), MessagePart::Notification));
        assert_ne!(id, Change { row: "orders/b", ..change }.id(&USER, MessagePart::Notification));
        assert!(change.id(&USER, MessagePart::Subject) < id);
    }

    proptest! {
        #[test]
        fn ids_of_one_row_sort_as_its_changes_happened(at in 0i64..1 << 47, later in 0i64..1000, version in 0u64..4000) {
            let first = Change { at: Timestamp(at), version, row: "orders/a" };
            let second = Change { at: Timestamp(at + later), version: version + 1, row: "orders/a" };
            let ids = [
                first.id(&USER, MessagePart::Subject),
                first.id(&USER, MessagePart::Notification),
                second.id(&USER, MessagePart::Subject),
                second.id(&USER, MessagePart::Notification),
            ];
            prop_assert!(ids.is_sorted());
            prop_assert_eq!(first.id(&USER, MessagePart::Subject), ids[0]);
        }
    }
}
