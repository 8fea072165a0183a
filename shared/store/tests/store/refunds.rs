//! Money that goes back, and attempts that are made anew.

use descrow_domain::{
    Kes, PaymentId, Timestamp,
    audit::AuditAction,
    ledger::{self, LedgerAccount},
    order::{Order, OrderStatus},
    payment::{Decision, Payment, PaymentKind, PaymentStatus, ReviewReason},
};
use descrow_store::{
    Applied, ChainChange, Created, PaymentList, Replaced, Retried, SellerTerms, Settled, testing::TestStore,
};

use crate::{
    changes::entry,
    orders::in_status,
    sample::{BUYER, NOW, SELLER, collection, create_command, later, order, payout, product, touched, user},
};

/// What the books hold for `order`, in shillings.
async fn held(db: &TestStore, order: &Order) -> i128 {
    let book = db.store.ledger().of_order(order.id).await.unwrap();
    assert_eq!(book.iter().map(|e| e.amount.0).sum::<i128>(), 0);
    book.iter().filter(|e| e.account == LedgerAccount::Escrow).map(|e| e.amount.0).sum()
}

async fn stored(db: &TestStore, payment: Payment) -> Payment {
    assert_eq!(db.store.payments().create(&payment).await, Ok(true));
    db.trips.take();
    payment
}

/// `payment` as it ends in `decision`, with its receipt.
fn ended(payment: &Payment, decision: Decision, receipt: &str, at: i64) -> Payment {
    Payment { receipt: Some(receipt.into()), ..payment.after(decision, later(at)).unwrap() }
}

/// A payment that came for a cancelled order, and what goes back.
async fn too_late(db: &TestStore) -> (Order, Payment, Payment) {
    let order = in_status(db, OrderStatus::Cancelled).await;
    let payment = stored(db, collection(&order, NOW)).await;
    let closed = Decision::Review { reason: ReviewReason::OrderClosed };
    let next = ended(&payment, closed, "NLJ7RT61SV", 5);
    let refund = Payment::refund(&next, 1, next.amount_kes, later(5));
    (order, next, refund)
}

#[tokio::test]
async fn money_that_no_order_can_take_is_booked_and_owed_back_in_one_round_trip_and_once() {
    let db = TestStore::start().await;
    let (order, next, refund) = too_late(&db).await;
    assert_eq!((db.store.payments().give_back(&next, &refund).await, db.trips.take()), (Ok(Settled::Done), 1));
    assert_eq!(db.store.payments().give_back(&next, &refund).await, Ok(Settled::Done), "told twice");
    assert_eq!(db.store.payments().of_order(order.id).await.unwrap().len(), 2);
    assert_eq!(db.store.payments().get(refund.id).await, Ok(Some(refund.clone())));
    assert_eq!(held(&db, &order).await, i128::from(refund.amount_kes.0));
    assert_eq!(db.store.orders().get(order.id).await, Ok(Some(order.clone())), "the order has nothing to do with it");
    let failed = ended(&collection(&order, NOW), Decision::Fail, "X", 9);
    let newer = Payment { id: next.id, version: next.version, ..failed };
    let stale = db.store.payments().give_back(&newer, &refund).await;
    assert_eq!(stale, Ok(Settled::Stale(Some(Box::new(next)))));
}

#[tokio::test]
async fn the_same_receipt_goes_back_once() {
    let db = TestStore::start().await;
    let (order, next, refund) = too_late(&db).await;
    db.store.payments().give_back(&next, &refund).await.unwrap();
    let twin = stored(&db, collection(&order, NOW)).await;
    let closed = Decision::Review { reason: ReviewReason::OrderClosed };
    let next = ended(&twin, closed, "NLJ7RT61SV", 6);
    let again = Payment::refund(&next, 1, next.amount_kes, later(6));
    assert_eq!(db.store.payments().give_back(&next, &again).await, Ok(Settled::ReceiptReused));
    assert_eq!(db.store.payments().get(again.id).await, Ok(None));
    assert_eq!(held(&db, &order).await, i128::from(refund.amount_kes.0));
}

#[tokio::test]
async fn a_refund_that_was_paid_is_in_the_books_once() {
    let db = TestStore::start().await;
    let (order, next, refund) = too_late(&db).await;
    db.store.payments().give_back(&next, &refund).await.unwrap();
    let paid = ended(&refund, Decision::Succeed, "RKJ7RT61SV", 60);
    db.trips.take();
    assert_eq!((db.store.payments().settle_refund(&paid).await, db.trips.take()), (Ok(Settled::Done), 1));
    assert_eq!(db.store.payments().settle_refund(&paid).await, Ok(Settled::Done), "told twice");
    assert_eq!(held(&db, &order).await, 0);
    let sent = ledger::refund_sent(order.id, refund.id, refund.amount_kes, later(60));
    let book = db.store.ledger().of_order(order.id).await.unwrap();
    assert!(sent.iter().all(|line| book.contains(line)));
    assert_eq!(db.store.payments().due(later(999_999), 9).await, Ok(vec![]));
}

/// A delivered order whose first payout failed.
async fn failed_payout(db: &TestStore) -> (Order, Payment) {
    let order = in_status(db, OrderStatus::Delivered).await;
    let owed = payout(&order);
    let next = Order { payout_id: Some(owed.id), version: order.version + 1, ..order };
    let payments = std::slice::from_ref(&owed);
    let change = ChainChange { order: &next, command: None, payments, withdraw: None, stock: None, ledger: None };
    assert_eq!(db.store.orders().apply_chain_event(&change, NOW).await, Ok(Applied::Done));
    let failed = owed.after(Decision::Fail, later(5)).unwrap();
    assert_eq!(db.store.payments().replace(&failed).await, Ok(Replaced::Done));
    db.trips.take();
    (next, failed)
}

#[tokio::test]
async fn another_attempt_is_queued_named_and_logged_in_one_round_trip_and_once() {
    let db = TestStore::start().await;
    let (order, failed) = failed_payout(&db).await;
    let number = "254722222222".parse().unwrap();
    let next = failed.again(Some(number), later(9)).unwrap();
    let logged = entry(AuditAction::RetryPayout, "mpesa_transactions/1");
    let retried = db.store.payments().retry(&failed, &next, Some(&logged)).await;
    assert_eq!((retried, db.trips.take()), (Ok(Retried::Done), 1));
    assert_eq!(db.store.payments().get(next.id).await, Ok(Some(next.clone())));
    let named = Order { payout_id: Some(next.id), version: order.version + 1, updated_at: later(9), ..order.clone() };
    assert_eq!(db.store.orders().get(order.id).await, Ok(Some(named)));
    assert_eq!(db.store.payments().retry(&failed, &next, None).await, Ok(Retried::Done), "told twice");
    let other = failed.again(None, later(10)).unwrap();
    assert_eq!(db.store.payments().retry(&failed, &other, None).await, Ok(Retried::Known(Box::new(next))));
    assert_eq!(db.store.audit().list(None, 9).await.unwrap().items, [logged]);
}

#[tokio::test]
async fn what_was_paid_after_all_or_is_not_owed_any_more_is_not_attempted_again() {
    let db = TestStore::start().await;
    let (order, failed) = failed_payout(&db).await;
    let next = failed.again(None, later(9)).unwrap();
    let disputed = Order { status: OrderStatus::Disputed, version: order.version + 1, ..order.clone() };
    let change =
        ChainChange { order: &disputed, command: None, payments: &[], withdraw: None, stock: None, ledger: None };
    db.store.orders().apply_chain_event(&change, NOW).await.unwrap();
    let retried = db.store.payments().retry(&failed, &next, None).await;
    assert_eq!(retried, Ok(Retried::OrderMoved(Some(Box::new(disputed)))));
    let paid = Payment { status: PaymentStatus::Succeeded, ..touched(&failed, later(9)) };
    db.store.payments().replace(&paid).await.unwrap();
    let retried = db.store.payments().retry(&failed, &next, None).await;
    assert_eq!(retried, Ok(Retried::Stale(Some(Box::new(paid)))));
    assert_eq!(db.store.payments().get(next.id).await, Ok(None));
}

#[tokio::test]
async fn a_refund_that_no_order_names_is_attempted_again_all_the_same() {
    let db = TestStore::start().await;
    let (order, next, refund) = too_late(&db).await;
    db.store.payments().give_back(&next, &refund).await.unwrap();
    let failed = refund.after(Decision::Fail, later(6)).unwrap();
    db.store.payments().replace(&failed).await.unwrap();
    let again = failed.again(None, later(9)).unwrap();
    assert_eq!(db.store.payments().retry(&failed, &again, None).await, Ok(Retried::Done));
    assert_eq!(db.store.payments().get(again.id).await, Ok(Some(again)));
    assert_eq!(db.store.orders().get(order.id).await, Ok(Some(order)));
}

#[tokio::test]
async fn a_seller_must_be_on_the_terms_at_the_moment_of_the_order() {
    let (phone, verified) =
        (SellerTerms { phone: true, ..SellerTerms::default() }, SellerTerms { phone: true, verified: true });
    let db = TestStore::start().await;
    let bicycle = product(5, NOW);
    db.store.products().create(&bicycle).await.unwrap();
    let order_on = async |terms| {
        let order = order(&bicycle, NOW);
        db.store.orders().create(&order, &bicycle, &create_command(&order), terms, None).await.unwrap()
    };
    assert_eq!(order_on(phone).await, Created::SellerWithoutPhone, "nobody by that name");
    let seller = user(SELLER);
    db.store.users().create(&seller).await.unwrap();
    assert_eq!(order_on(verified).await, Created::SellerUnverified);
    assert_eq!(db.store.products().get(bicycle.id).await, Ok(Some(bicycle.clone())), "nothing was taken");
    db.trips.take();
    assert_eq!((order_on(phone).await, db.trips.take()), (Created::Done, 1));
    let anybody = TestStore::start().await;
    anybody.store.products().create(&bicycle).await.unwrap();
    let order = order(&bicycle, NOW);
    let created =
        anybody.store.orders().create(&order, &bicycle, &create_command(&order), SellerTerms::default(), None).await;
    assert_eq!(created, Ok(Created::Done), "where nothing is asked for");
}

#[tokio::test]
async fn payments_are_listed_newest_first_by_user_and_for_everybody_over_days() {
    let db = TestStore::start().await;
    let order = order(&product(1, NOW), NOW);
    let first = Timestamp::now().plus_seconds(-5 * 86_400);
    let mut all = Vec::new();
    for n in 0..6 {
        let at = first.plus_seconds(n * 40_000);
        all.insert(0, stored(&db, collection(&order, at)).await);
        let owed = Payment::payout(
            order.id,
            u32::try_from(n).unwrap() + 1,
            SELLER,
            "254711111111".parse().unwrap(),
            Kes(10),
            at.plus_seconds(1),
        );
        all.insert(0, stored(&db, owed).await);
    }
    for (of, kind) in [(None, None), (Some(BUYER), None), (Some(SELLER), None), (None, Some(PaymentKind::Payout))] {
        let expected: Vec<PaymentId> = all
            .iter()
            .filter(|p| of.is_none_or(|of| p.user_id == of) && kind.is_none_or(|kind| p.kind == kind))
            .map(|p| p.id)
            .collect();
        let (mut seen, mut position) = (Vec::new(), None::<String>);
        for _ in 0..40 {
            let wanted = PaymentList { of, kind, status: None, position: position.as_deref(), limit: 4 };
            db.trips.take();
            let page = db.store.payments().list(&wanted).await.unwrap();
            assert_eq!(db.trips.take(), 1);
            seen.extend(page.items.into_iter().map(|p| p.id));
            position = page.next;
            if position.is_none() {
                break;
            }
        }
        assert_eq!(seen, expected, "{of:?} {kind:?}");
    }
}
