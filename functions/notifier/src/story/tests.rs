use descrow_domain::{
    Kes,
    dispute::{Decision, Dispute, DisputeResolution, Proposal},
    order::{OrderStatus, PendingAction},
};

use super::*;

const FIRST: Account = Account::from_bytes([8; 32]);
const SECOND: Account = Account::from_bytes([9; 32]);

/// A disputed order that two admins decided, and whether that waits for the chain.
fn decided(version: u64, waits: bool) -> Order {
    let path = format!("{}/../../events/notifier-order-created.json", env!("CARGO_MANIFEST_DIR"));
    let event: serde_json::Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    let item: serde_dynamo::Item = serde_json::from_value(event["Records"][0]["dynamodb"]["NewImage"].clone()).unwrap();
    let order: Order = serde_dynamo::from_item(item).unwrap();
    let at = order.updated_at;
    let resolution = DisputeResolution::RefundBuyer;
    let (by, kes_to_buyer, kes_to_seller) = (vec![FIRST, SECOND], order.quote.kes, Kes(0));
    let decision = Decision { resolution, reason: None, by, at, kes_to_buyer, kes_to_seller };
    let dispute = Dispute { decision: Some(decision), ..Dispute::raised(None, None, String::new(), at) };
    let command_id = "resolve_dispute#1".to_owned();
    let pending = PendingAction { action: OrderMove::Resolve, command_id, by: Some(SECOND), at };
    let pending = waits.then_some(pending);
    Order { status: OrderStatus::Disputed, dispute: Some(dispute), pending, version, ..order }
}

/// Who is told of the change, and what, as messages and as a notification.
fn told_of(before: Order, after: Order) -> Vec<(Account, Vec<&'static str>, String)> {
    let change = Change::Order { before: Some(Box::new(before)), after: Box::new(after) };
    let kind = |message: &ServerMessage| match message {
        ServerMessage::OrderUpdated { .. } => "order",
        ServerMessage::NotificationCreated { .. } => "notification",
        _ => "other",
    };
    let one = |told: Told| {
        let (user, telling) = (told.user, telling(&change, told, &|_| None));
        let message = telling.notification.map_or_else(String::new, |row| row.message);
        (user, telling.messages.iter().map(kind).collect(), message)
    };
    tell(&change).into_iter().map(one).collect()
}

#[test]
fn when_a_decision_fails_every_admin_who_took_part_is_told_and_sees_no_order() {
    let (before, after) = (decided(4, true), decided(5, false));
    let title = after.product_title.as_str().to_owned();
    let to_party = format!(
        "The decision about “{title}” could not be recorded on the chain. The dispute is open until an admin decides again."
    );
    let to_admin = format!("Your decision about “{title}” could not be recorded on the chain. Please decide again.");
    let expected = [
        (after.buyer_id, vec!["order", "notification"], to_party.clone()),
        (after.seller_id, vec!["order", "notification"], to_party),
        (FIRST, vec!["notification"], to_admin.clone()),
        (SECOND, vec!["notification"], to_admin),
    ];
    assert_eq!(told_of(before, after), expected);
}

#[test]
fn no_admin_is_told_of_what_the_parties_do_or_of_a_decision_that_is_recorded() {
    let waits = decided(4, true);
    let parties = [waits.buyer_id, waits.seller_id];
    let resolved = Order { status: OrderStatus::Resolved, ..decided(5, false) };
    for (before, after) in [(decided(3, false), waits.clone()), (waits, resolved)] {
        let who: Vec<Account> = told_of(before, after).into_iter().map(|(user, ..)| user).collect();
        assert_eq!(who, parties);
    }
}

#[test]
fn what_a_first_admin_proposes_is_told_to_nobody() {
    let (mut before, mut after) = (decided(2, false), decided(3, false));
    for order in [&mut before, &mut after] {
        order.dispute.as_mut().unwrap().decision = None;
    }
    let at = after.updated_at;
    let (resolution, reason) = (DisputeResolution::RefundBuyer, "The seam is torn.".parse().unwrap());
    after.dispute.as_mut().unwrap().proposal = Some(Proposal { resolution, reason, by: FIRST, at });
    assert_eq!(told_of(before, after), []);
}
