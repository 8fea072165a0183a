//! What a change means for whom. Pure: the whole of the notifier's judgement is here.

use descrow_domain::{
    Account, Timestamp,
    notification::{Change as ChangeKey, MessagePart, Notification},
    order::{Order, Party},
    payment::Payment,
    view::PaymentView,
};

use crate::{
    change::Change,
    wording::{self, Wording},
};

/// What one user is to be told of a change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    /// Who.
    pub user: Account,
    /// The id of the message about the subject itself.
    pub message_id: descrow_domain::NotificationId,
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
    }
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

fn told(key: &ChangeKey<'_>, user: Account, order_id: descrow_domain::OrderId, wording: Option<Wording>) -> Told {
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
    Told { user, message_id: key.id(&user, MessagePart::Subject), at: key.at, notification }
}
