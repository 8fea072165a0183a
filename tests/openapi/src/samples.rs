//! One message of each type, as the functions would write it: the examples of the AsyncAPI document.

use std::collections::BTreeMap;

use descrow_domain::{
    Account, Kes, OrderId, PaymentId, Timestamp,
    notification::{Notification, NotificationKind},
    order::{Order, Viewer},
    payment::Payment,
    realtime::{ErrorCode, MessageId, ServerMessage},
    view::{NotificationView, OrderView, PaymentView},
};
use serde::de::Error as _;
use serde_json::{Value, json};

const ORDER: &str = include_str!("../../../events/notifier-order-funded.json");

/// A message of each type that the server sends.
///
/// # Errors
/// The sample event is not one.
pub fn server() -> Result<Vec<ServerMessage>, serde_json::Error> {
    let order = order()?;
    let (id, at) = (MessageId::new(17), order.updated_at.rfc3339());
    let payment = payment(&order)?;
    let notification = NotificationView::from(&notification(&order)?);
    let created = ServerMessage::NotificationCreated { id: id.next(), at: at.clone(), notification };
    let updated = ServerMessage::OrderUpdated {
        id,
        at: at.clone(),
        order: Box::new(OrderView::new(&order, Viewer::Buyer, |_| Some(&payment))),
    };
    let paid =
        ServerMessage::PaymentUpdated { id, at: at.clone(), payment: PaymentView::new(&payment, &payment.user_id) };
    let shortened =
        ServerMessage::Shortened { id, at: at.clone(), of: "order.updated".to_owned(), subject: order.id.to_string() };
    Ok(vec![
        ServerMessage::Batch { messages: vec![updated.clone(), created.clone()] },
        updated,
        paid,
        created,
        shortened,
        ServerMessage::Pong { at: at.clone(), last: id.next() },
        ServerMessage::Resumed { at: at.clone(), replayed: 2, last: id.next(), more: false, complete: true },
        ServerMessage::Error { at, code: ErrorCode::UnknownAction, message: "There is no such action.".to_owned() },
    ])
}

/// A message of each kind that a client may send.
pub fn client() -> Vec<Value> {
    vec![json!({ "action": "ping" }), json!({ "action": "resume", "after": "16" })]
}

/// All of them by type or action.
///
/// # Errors
/// The sample event is not one.
pub fn by_name() -> Result<BTreeMap<String, Vec<Value>>, serde_json::Error> {
    let mut all: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    let server = server()?.into_iter().map(serde_json::to_value).collect::<Result<Vec<_>, _>>()?;
    for message in server.into_iter().chain(client()) {
        let name = message.get("type").or_else(|| message.get("action")).and_then(Value::as_str).unwrap_or_default();
        all.entry(name.to_owned()).or_default().push(message);
    }
    Ok(all)
}

fn order() -> Result<Order, serde_json::Error> {
    let event: Value = serde_json::from_str(ORDER)?;
    let image = event.pointer("/Records/0/dynamodb/NewImage").cloned().unwrap_or_default();
    let item: serde_dynamo::Item = serde_json::from_value(image)?;
    serde_dynamo::from_item(item).map_err(serde_json::Error::custom)
}

fn payment(order: &Order) -> Result<Payment, serde_json::Error> {
    let phone = "254708374149".parse().map_err(serde_json::Error::custom)?;
    let payment = Payment::collection(order.id, order.buyer_id, phone, Kes(816), order.created_at);
    // The document is the same each time it is generated.
    Ok(Payment { id: PaymentId::derived(order.id.as_uuid(), "sample"), ..payment })
}

fn notification(order: &Order) -> Result<Notification, serde_json::Error> {
    let (user_id, order_id, created_at): (Account, OrderId, Timestamp) = (order.buyer_id, order.id, order.updated_at);
    Ok(Notification {
        user_id,
        id: "01998f00-7777-7000-8000-000000000007".parse().map_err(serde_json::Error::custom)?,
        kind: NotificationKind::OrderStatus,
        order_id: Some(order_id),
        title: "Payment in escrow".to_owned(),
        message: "Your payment for “A bicycle” is held until you confirm delivery.".to_owned(),
        read: false,
        created_at,
    })
}
