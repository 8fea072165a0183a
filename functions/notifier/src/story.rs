//! What a change means for whom. Pure: the whole of the notifier's judgement is here.

use std::collections::BTreeSet;

use descrow_domain::{
    Account, NotificationId, OrderId, PaymentId, Timestamp,
    notification::{Change as ChangeKey, MessagePart, Notification},
    order::{Order, OrderMove, Party},
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
        // An admin is told what concerns the admin, and reads the order by the API.
        Change::Order { after, .. } => after.party(&told.user).map(|party| {
            let order = Box::new(OrderView::new(after, party.into(), payment));
            ServerMessage::OrderUpdated { id, at: at.clone(), order }
        }),
        Change::Payment { after, .. } => {
            Some(ServerMessage::PaymentUpdated { id, at: at.clone(), payment: PaymentView::new(after, &told.user) })
        }
        Change::Notification { row } => Some(created(row)),
    };
    let messages = subject.into_iter().chain(told.notification.as_ref().map(created)).collect();
    Telling { key: told.key, messages, notification: told.notification }
}

fn tell_of_order(before: Option<&Order>, after: &Order) -> Vec<Told> {
    let row = format!("orders/{}", after.id);
    let key = ChangeKey { at: after.updated_at, version: after.version, row: &row };
    let parties = parties(after).into_iter();
    let seeing = parties.filter(|(_, party)| before.is_none_or(|before| !looks_the_same(before, after, *party)));
    let parties = seeing.map(|(user, party)| told(&key, user, after.id, wording::order(before, after, party)));
    let admins = before.map(|before| refused_deciders(before, after)).unwrap_or_default().into_iter();
    let admins = admins.map(|admin| told(&key, admin, after.id, Some(wording::refused_decision(after))));
    parties.chain(admins).collect()
}

/// The admins whose decision the contract refused.
fn refused_deciders(before: &Order, after: &Order) -> BTreeSet<Account> {
    let waited = before.pending.as_ref().filter(|pending| pending.action == OrderMove::Resolve);
    let refused = waited.filter(|_| after.pending.is_none() && after.status == before.status);
    let decision = before.dispute.as_ref().and_then(|dispute| dispute.decision.as_ref());
    let deciders = decision.into_iter().flat_map(|decision| decision.by.iter().copied());
    let all = refused.into_iter().flat_map(|pending| pending.by.into_iter().chain(deciders.clone()));
    all.filter(|admin| after.party(admin).is_none()).collect()
}

fn parties(order: &Order) -> Vec<(Account, Party)> {
    let mut parties = vec![(order.buyer_id, Party::Buyer)];
    if order.seller_id != order.buyer_id {
        parties.push((order.seller_id, Party::Seller));
    }
    parties
}

/// Whether `party` sees no difference between the two: that the order is on the chain, or what an admin proposes, is not shown.
fn looks_the_same(before: &Order, after: &Order, party: Party) -> bool {
    let shown = |order: &Order| OrderView {
        version: 0,
        updated_at: String::new(),
        ..OrderView::new(order, party.into(), |_| None)
    };
    // The payments that are shown are not read here: which they are is difference enough.
    let payments = |order: &Order| (order.payment_id, order.payout_id, order.refund_id);
    payments(before) == payments(after) && shown(before) == shown(after)
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

#[cfg(test)]
mod tests;
