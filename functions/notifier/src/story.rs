//! What a change means for whom. Pure: the whole of the notifier's judgement is here.

use descrow_domain::{
    Account, NotificationId, OrderId, PaymentId, Timestamp,
    notification::{Change as ChangeKey, MessagePart, Notification},
    order::{Order, Party, Viewer},
    payment::Payment,
    realtime::{MessageId, ServerMessage},
    view::{NotificationView, OrderView, PaymentView},
};
use descrow_store::Telling;

use crate::{
    change::Change,
    wording::{self, Wording},
};

/// What one user is to be told of a change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    /// Who.
    pub user: Account,
    /// Names what is told: the same change gives the same name.
    pub key: NotificationId,
    /// When the change happened.
    pub at: Timestamp,
    /// The notification, where the change deserves one.
    pub notification: Option<Notification>,
}

/// Everybody who is to be told of `change`; empty where nothing that anybody sees has changed.
pub fn tell(change: &Change) -> Vec<Told> {
    match change {
        Change::Order { before, after } => tell_of_order(before.as_deref(), after),
        Change::Payment { before, after } => tell_of_payment(before.as_deref(), after),
        Change::Notification { row } => {
            vec![Told { user: row.user_id, key: row.id, at: row.created_at, notification: None }]
        }
    }
}

/// What is written for it: the message about the subject itself, then the notification. `payment` finds the payments that an
/// order shows.
pub fn telling<'a>(change: &Change, told: Told, payment: &impl Fn(PaymentId) -> Option<&'a Payment>) -> Telling {
    let (id, at) = (MessageId::ZERO, told.at.rfc3339());
    let created = |row: &Notification| ServerMessage::NotificationCreated {
        id,
        at: at.clone(),
        notification: NotificationView::from(row),
    };
    let subject = match change {
        Change::Order { after, .. } => {
            let viewer = after.party(&told.user).map_or(Viewer::Seller, Viewer::from);
            let order = Box::new(OrderView::new(after, viewer, payment));
            ServerMessage::OrderUpdated { id, at: at.clone(), order }
        }
        Change::Payment { after, .. } => {
            ServerMessage::PaymentUpdated { id, at: at.clone(), payment: PaymentView::new(after, &told.user) }
        }
        Change::Notification { row } => created(row),
    };
    let messages = std::iter::once(subject).chain(told.notification.as_ref().map(created)).collect();
    Telling { key: told.key, messages, notification: told.notification }
}

fn tell_of_order(before: Option<&Order>, after: &Order) -> Vec<Told> {
    if before.is_some_and(|before| looks_the_same(before, after)) {
        return Vec::new();
    }
    let row = format!("orders/{}", after.id);
    let key = ChangeKey { at: after.updated_at, version: after.version, row: &row };
    let mut parties = vec![(after.buyer_id, Party::Buyer)];
    if after.seller_id != after.buyer_id {
        parties.push((after.seller_id, Party::Seller));
    }
    parties.into_iter().map(|(user, party)| told(&key, user, after.id, order_wording(before, after, party))).collect()
}

/// Whether a party that looks at the order sees no difference.
fn looks_the_same(before: &Order, after: &Order) -> bool {
    let visible =
        Order { on_chain: after.on_chain, version: after.version, updated_at: after.updated_at, ..before.clone() };
    visible == *after
}

fn order_wording(before: Option<&Order>, after: &Order, party: Party) -> Option<Wording> {
    let Some(before) = before else { return Some(wording::status(after, party)) };
    if before.status != after.status {
        return Some(wording::status(after, party));
    }
    match (&before.pending, &after.pending) {
        (None, Some(now)) => Some(wording::pending(after, now.action)),
        (Some(was), None) => Some(wording::action_failed(after, was.action)),
        _ => None,
    }
}

fn tell_of_payment(before: Option<&Payment>, after: &Payment) -> Vec<Told> {
    let view =
        |payment: &Payment| PaymentView { updated_at: String::new(), ..PaymentView::new(payment, &after.user_id) };
    if before.is_some_and(|before| view(before) == view(after)) {
        return Vec::new();
    }
    let row = format!("mpesa_transactions/{}", after.id);
    let key = ChangeKey { at: after.updated_at, version: after.version, row: &row };
    let reached = before.is_none_or(|before| before.status != after.status);
    let wording = reached.then(|| wording::payment(after)).flatten();
    vec![told(&key, after.user_id, after.order_id, wording)]
}

fn told(key: &ChangeKey<'_>, user: Account, order_id: OrderId, wording: Option<Wording>) -> Told {
    let notification = wording.map(|wording| Notification {
        user_id: user,
        id: key.id(&user, MessagePart::Notification),
        kind: wording.kind,
        order_id: Some(order_id),
        title: wording.title.to_owned(),
        message: wording.message,
        read: false,
        created_at: key.at,
    });
    Told { user, key: key.id(&user, MessagePart::Subject), at: key.at, notification }
}
