//! A change that somebody asks for, with all that must come about with it, and each way it can be refused.

use descrow_domain::{
    Account, Timestamp,
    audit::{AuditAction, AuditEntry},
    command::{ChainCommand, Command, CommandStatus},
    dispute::{DisputeResolution, Proposal},
    evidence::{Evidence, EvidenceKind},
    order::{Deadlines, Order, OrderStatus},
    payment::{Payment, PaymentStatus},
};
use descrow_store::{Applied, ChainChange, EvidenceAdded, OrderChange, Replaced, Requested, testing::TestStore};

use crate::{
    orders::{answer, in_status, overdue},
    sample::{BUYER, NOW, SELLER, later, payout, touched},
};

pub(crate) const ADMIN: Account = Account::from_bytes([9; 32]);

fn evidence(order: &Order, at: Timestamp) -> Evidence {
    Evidence {
        id: descrow_domain::EvidenceId::new(),
        order_id: order.id,
        by: BUYER,
        kind: EvidenceKind::Text,
        description: Some("It never came.".parse().unwrap()),
        cid: "bafy".into(),
        size: 14,
        media_type: "text/plain".into(),
        created_at: at,
    }
}

/// An entry of today, by the real clock: the log is read backwards from now.
pub(crate) fn entry(action: AuditAction, subject: &str) -> AuditEntry {
    AuditEntry::new(ADMIN, action, subject.into(), Some("seen"), Timestamp::now())
}

/// `order` with a dispute asked for, as the route asks for it.
fn disputing(order: &Order, at: Timestamp) -> (Order, ChainCommand) {
    order.clone().disputing("It never came.".parse().unwrap(), "bafy".into(), BUYER, at)
}

/// A delivered order whose payout is queued.
async fn delivered(db: &TestStore) -> (Order, Payment) {
    let order = in_status(db, OrderStatus::Delivered).await;
    let owed = payout(&order);
    let next = Order { payout_id: Some(owed.id), version: order.version + 1, ..order };
    let payments = std::slice::from_ref(&owed);
    let change = ChainChange { order: &next, command: None, payments, withdraw: None, stock: None, ledger: None };
    assert_eq!(db.store.orders().apply_chain_event(&change, NOW).await, Ok(Applied::Done));
    (next, owed)
}

/// A disputed order whose evidence window ends 100 seconds after [`NOW`].
async fn disputed(db: &TestStore) -> Order {
    let order = in_status(db, OrderStatus::Shipped).await;
    let (next, command) = disputing(&order, NOW);
    db.store.orders().request_move(&next, &command, None).await.unwrap();
    let deadlines = Deadlines { evidence: Some(later(100)), ..next.deadlines.clone() };
    let next = Order { status: OrderStatus::Disputed, pending: None, deadlines, version: next.version + 1, ..next };
    let change = ChainChange { order: &next, command: None, payments: &[], withdraw: None, stock: None, ledger: None };
    assert_eq!(db.store.orders().apply_chain_event(&change, NOW).await, Ok(Applied::Done));
    db.trips.take();
    next
}

#[tokio::test]
async fn a_dispute_of_a_delivered_order_stops_its_payout_and_keeps_its_evidence_in_one_round_trip() {
    let db = TestStore::start().await;
    let (order, owed) = delivered(&db).await;
    let (next, command) = disputing(&order, later(5));
    let (withdrawn, shown) = (owed.withdrawn(later(5)).unwrap(), evidence(&order, later(5)));
    let record = answer("k");
    let change = OrderChange {
        command: Some(&command),
        withdraw: Some(&withdrawn),
        evidence: Some(&shown),
        idempotency: Some(&record),
        ..OrderChange::of(&next)
    };
    db.trips.take();
    assert_eq!((db.store.orders().change(&change).await, db.trips.take()), (Ok(Requested::Done), 1));
    assert_eq!(db.store.orders().get(order.id).await, Ok(Some(next.clone())));
    assert_eq!(db.store.payments().get(owed.id).await, Ok(Some(withdrawn.clone())));
    assert_eq!(db.store.evidence().get(shown.id).await, Ok(Some(shown.clone())));
    assert_eq!(db.store.chain_commands().get(&command.id).await, Ok(Some(command.clone())));
    assert_eq!(db.store.orders().change(&change).await, Ok(Requested::Replay(Box::new(record.clone()))));
    let other = OrderChange { idempotency: None, evidence: None, ..change };
    assert_eq!(db.store.orders().change(&other).await, Ok(Requested::Stale(Some(Box::new(next)))));
    assert_eq!(db.store.payments().due(later(9_999), 9).await, Ok(vec![]), "nobody sends it");
}

#[tokio::test]
async fn a_dispute_that_the_contract_refuses_lets_the_payout_go() {
    let db = TestStore::start().await;
    let (order, owed) = delivered(&db).await;
    let (next, command) = disputing(&order, later(5));
    let withdrawn = owed.withdrawn(later(5)).unwrap();
    let change = OrderChange { command: Some(&command), withdraw: Some(&withdrawn), ..OrderChange::of(&next) };
    assert_eq!(db.store.orders().change(&change).await, Ok(Requested::Done));
    db.store.chain_commands().mark_failed(&command, "NotAllowed", later(9)).await.unwrap();
    let queued = db.store.payments().get(owed.id).await.unwrap().unwrap();
    assert_eq!((queued.status, queued.version), (PaymentStatus::Queued, 3));
    assert!(queued.next_check_at.is_some());
    assert_eq!(db.store.orders().get(order.id).await.unwrap().unwrap().pending, None);
}

#[tokio::test]
async fn a_payout_that_is_being_sent_cannot_be_taken_back_and_nothing_is_written() {
    let db = TestStore::start().await;
    let (order, owed) = delivered(&db).await;
    let (next, command) = disputing(&order, later(5));
    let withdrawn = owed.withdrawn(later(5)).unwrap();
    let sending = Payment { status: PaymentStatus::Sending, ..touched(&owed, later(4)) };
    assert_eq!(db.store.payments().replace(&sending).await, Ok(Replaced::Done));
    let change = OrderChange { command: Some(&command), withdraw: Some(&withdrawn), ..OrderChange::of(&next) };
    let refused = db.store.orders().change(&change).await;
    assert_eq!(refused, Ok(Requested::PayoutSent(Some(Box::new(sending.clone())))));
    assert_eq!(db.store.orders().get(order.id).await, Ok(Some(order)));
    assert_eq!(db.store.chain_commands().get(&command.id).await, Ok(None));
    assert_eq!(db.store.payments().get(owed.id).await, Ok(Some(sending)));
}

#[tokio::test]
async fn of_disputing_and_sending_at_once_exactly_one_wins() {
    for _ in 0..10 {
        let db = TestStore::start().await;
        let (order, owed) = delivered(&db).await;
        let (next, command) = disputing(&order, later(5));
        let withdrawn = owed.withdrawn(later(5)).unwrap();
        let sending = Payment { status: PaymentStatus::Sending, ..touched(&owed, later(5)) };
        let change = OrderChange { command: Some(&command), withdraw: Some(&withdrawn), ..OrderChange::of(&next) };
        let (orders, payments) = (db.store.orders(), db.store.payments());
        let (asked, sent) = tokio::join!(orders.change(&change), payments.replace(&sending));
        let (asked, sent) = (asked.unwrap() == Requested::Done, sent.unwrap() == Replaced::Done);
        assert_ne!(asked, sent);
        let now = payments.get(owed.id).await.unwrap().unwrap();
        assert_eq!(now, if sent { sending } else { withdrawn });
        assert_eq!(orders.get(order.id).await.unwrap().unwrap().pending.is_some(), asked);
    }
}

#[tokio::test]
async fn a_proposal_is_on_the_order_and_in_the_log_and_then_another_admin_decides() {
    let db = TestStore::start().await;
    let order = disputed(&db).await;
    let reason = || "Half each.".parse().unwrap();
    let resolution = DisputeResolution::Split { seller_bps: 5_000.try_into().unwrap() };
    let proposed = order.clone().proposing(Proposal { resolution, reason: reason(), by: ADMIN, at: later(5) });
    let logged = entry(AuditAction::ProposeResolution, "orders/1");
    let change = OrderChange { audit: Some(&logged), ..OrderChange::of(&proposed) };
    assert_eq!((db.store.orders().change(&change).await, db.trips.take()), (Ok(Requested::Done), 1));
    assert_eq!(db.store.orders().get(order.id).await, Ok(Some(proposed.clone())));
    let admins = vec![ADMIN, Account::from_bytes([8; 32])];
    let (decided, command) = proposed.clone().deciding(resolution, reason(), admins, later(6));
    let second = entry(AuditAction::ResolveDispute, "orders/1");
    let change = OrderChange { command: Some(&command), audit: Some(&second), ..OrderChange::of(&decided) };
    assert_eq!(db.store.orders().change(&change).await, Ok(Requested::Done));
    assert_eq!(db.store.audit().list(None, 9).await.unwrap().items, [second.clone(), logged.clone()]);
    // Once more: refused, and the log says nothing of it.
    let late = entry(AuditAction::ResolveDispute, "orders/1");
    let again = OrderChange { audit: Some(&late), ..change };
    assert_eq!(db.store.orders().change(&again).await, Ok(Requested::Stale(Some(Box::new(decided)))));
    assert_eq!(db.store.audit().list(None, 9).await.unwrap().items, [second, logged]);
}

#[tokio::test]
async fn the_log_is_only_appended_to_and_is_read_newest_first_over_days() {
    let db = TestStore::start().await;
    let day = 86_400;
    let mut expected = Vec::new();
    let mut order = disputed(&db).await;
    let first = Timestamp::now().plus_seconds(-9 * day);
    for at in [0, 1, day, 3 * day, 3 * day + 1] {
        let logged = entry(AuditAction::ProposeResolution, &format!("orders/{at}"));
        // As it is made at that time.
        let at = first.plus_seconds(at);
        let id = uuid::Builder::from_unix_timestamp_millis(u64::try_from(at.0).unwrap(), &[7; 10]).into_uuid();
        let logged = AuditEntry { id: id.to_string().parse().unwrap(), day: at.day(), at, ..logged };
        order = order.touched(at);
        let change = OrderChange { audit: Some(&logged), ..OrderChange::of(&order) };
        assert_eq!(db.store.orders().change(&change).await, Ok(Requested::Done));
        expected.insert(0, logged);
    }
    // The same entry cannot be written over.
    order = order.touched(NOW);
    let change = OrderChange { audit: Some(&expected[0]), ..OrderChange::of(&order) };
    assert!(db.store.orders().change(&change).await.is_err());
    let (mut seen, mut position) = (Vec::new(), None::<String>);
    for _ in 0..40 {
        let page = db.store.audit().list(position.as_deref(), 2).await.unwrap();
        assert!(page.items.len() <= 2);
        seen.extend(page.items);
        position = page.next;
        if position.is_none() {
            break;
        }
    }
    assert_eq!(seen, expected);
}

#[tokio::test]
async fn evidence_is_taken_until_the_deadline_and_is_listed_oldest_first() {
    let db = TestStore::start().await;
    let order = disputed(&db).await;
    let pieces = [1, 50, 99, 100, 101].map(|at| (at, evidence(&order, later(at))));
    for (at, piece) in &pieces {
        let notice = piece.notice(&order);
        db.trips.take();
        let added = db.store.evidence().add(piece, notice.as_ref(), None, later(*at)).await.unwrap();
        assert_eq!(db.trips.take(), 1);
        assert_eq!(added == EvidenceAdded::Done, *at < 100, "{at}: {added:?}");
        let now = db.store.orders().get(order.id).await.unwrap().unwrap();
        assert_eq!(now.takes_evidence(later(*at)), *at < 100, "the domain says the same");
    }
    let taken: Vec<Evidence> = pieces.iter().take(3).map(|(_, piece)| piece.clone()).collect();
    let first = db.store.evidence().of_order(order.id, None, 2).await.unwrap();
    assert_eq!(first.items, taken[..2]);
    let rest = db.store.evidence().of_order(order.id, first.next.as_deref(), 2).await.unwrap();
    assert_eq!((rest.items.as_slice(), rest.next), (&taken[2..], None));
    let counted = db.store.orders().get(order.id).await.unwrap().unwrap().dispute.unwrap().evidence_count;
    assert_eq!(counted, 4, "with the first, which the dispute brought");
    let told = db.store.notifications().list(&SELLER, None, 10).await.unwrap().items;
    let expected: Vec<_> = taken.iter().rev().filter_map(|piece| piece.notice(&order)).collect();
    assert_eq!((told, expected.len()), (expected.clone(), 3), "with what was taken, and nothing else");
    let elsewhere = in_status(&db, OrderStatus::Shipped).await;
    let refused = db.store.evidence().add(&evidence(&elsewhere, NOW), None, None, NOW).await;
    assert_eq!(refused, Ok(EvidenceAdded::Closed(Some(Box::new(elsewhere)))));
}

#[tokio::test]
async fn evidence_that_meets_the_end_of_its_window_is_in_before_it_or_refused() {
    for _ in 0..10 {
        let db = TestStore::start().await;
        let order = disputed(&db).await;
        let piece = evidence(&order, later(99));
        let (rows, orders) = (db.store.evidence(), db.store.orders());
        let (added, closed) =
            tokio::join!(rows.add(&piece, None, None, later(99)), orders.close_evidence(&order, later(100)));
        let (added, closed) = (added.unwrap() == EvidenceAdded::Done, closed.unwrap() == Replaced::Done);
        assert_ne!(added, closed, "the end is noted on the order as it was read");
        assert_eq!(rows.get(piece.id).await.unwrap().is_some(), added);
        let now = orders.get(order.id).await.unwrap().unwrap();
        assert_eq!(now.evidence_is_closed(), closed);
        let due = overdue(&db, later(100)).await;
        assert_eq!(due, if closed { vec![] } else { vec![now] }, "what was overtaken is looked at again");
    }
}

#[tokio::test]
async fn a_failed_command_is_armed_again_and_an_open_one_is_somebody_else_s() {
    let db = TestStore::start().await;
    let order = in_status(&db, OrderStatus::Funded).await;
    let (next, command) = order.clone().asking(Command::Cancel, Some(SELLER), later(1));
    let change = OrderChange { command: Some(&command), ..OrderChange::of(&next) };
    assert_eq!(db.store.orders().change(&change).await, Ok(Requested::Done));
    db.store.chain_commands().mark_failed(&command, "Busy", later(2)).await.unwrap();
    let free = db.store.orders().get(order.id).await.unwrap().unwrap();
    let (next, command) = free.asking(Command::Cancel, None, later(3));
    let change = OrderChange { command: Some(&command), ..OrderChange::of(&next) };
    db.trips.take();
    assert_eq!((db.store.orders().change(&change).await, db.trips.take()), (Ok(Requested::Done), 2));
    let armed = db.store.chain_commands().get(&command.id).await.unwrap().unwrap();
    assert_eq!((armed.status, armed.error), (CommandStatus::Queued, None));
}
