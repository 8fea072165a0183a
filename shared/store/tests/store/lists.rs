//! Lists of more rows than one page reads: each page is one round trip, whatever its filter leaves out.

use aws_sdk_dynamodb::types::AttributeValue;
use descrow_domain::{
    Kes, Timestamp,
    order::{Order, OrderStatus, PaymentMode},
    payment::{Payment, PaymentKind},
};
use descrow_store::{
    Created, OrderList, Orders, OrdersOf, Page, PaymentList, SellerTerms, Settled, testing::TestStore,
};

use proptest::prelude::*;

use crate::{
    orders::in_status,
    sample::{BUYER, NOW, SELLER, collection, create_command, later, order, payout, product},
};

/// Orders of one buyer and one seller, the oldest first.
async fn orders(db: &TestStore, count: u32, set: impl Fn(u32, &mut Order)) -> Vec<Order> {
    let bicycle = product(count, NOW);
    db.store.products().create(&bicycle).await.unwrap();
    let mut made = Vec::new();
    for n in 0..count {
        let mut order = order(&bicycle, later(i64::from(n)));
        set(n, &mut order);
        let command = create_command(&order);
        let created = db.store.orders().create(&order, &bicycle, &command, SellerTerms::default(), None).await;
        assert_eq!(created, Ok(Created::Done));
        made.push(order);
    }
    made
}

/// Where a list of everybody's orders begins here: the test's rows are of another day than the clock's.
const AFTER_ALL: &str = "01800000999999";

/// Every order of a list, read page by page; each page is one round trip of so many requests.
async fn paged(db: &TestStore, of: OrdersOf, status: Option<OrderStatus>, mode: Option<PaymentMode>) -> Listed {
    let by_day = of == OrdersOf::Everybody && status.is_none();
    let mut position = by_day.then(|| AFTER_ALL.to_owned());
    let mut listed = Listed::default();
    loop {
        db.trips.take();
        let wanted = OrderList { of, status, mode, position: position.as_deref(), limit: 40 };
        let page = db.store.orders().list(&wanted).await.unwrap();
        listed.requests = listed.requests.max(db.trips.requests());
        assert_eq!(db.trips.take(), 1);
        assert!(page.items.len() <= 40);
        listed.pages += 1;
        listed.orders.extend(page.items);
        position = page.next;
        if position.is_none() {
            return listed;
        }
    }
}

#[derive(Debug, Default)]
struct Listed {
    orders: Vec<Order>,
    pages: usize,
    /// The most requests of one page, parallel ones each for itself.
    requests: usize,
}

impl Listed {
    fn facts(self) -> (Vec<Order>, usize, usize) {
        (self.orders, self.pages, self.requests)
    }
}

#[tokio::test]
async fn a_partys_orders_of_one_status_are_full_pages_however_many_others_it_has() {
    let db = TestStore::start().await;
    let made = orders(&db, 250, |n, order| {
        order.status = if n < 3 { OrderStatus::Disputed } else { OrderStatus::Funded };
    })
    .await;
    let newest_first = |from: usize, to: usize| made[from..to].iter().rev().cloned().collect::<Vec<_>>();
    for of in [OrdersOf::Buyer(BUYER), OrdersOf::Seller(SELLER)] {
        let listed = async |status| paged(&db, of, status, None).await.facts();
        assert_eq!(listed(Some(OrderStatus::Disputed)).await, (newest_first(0, 3), 1, 1));
        assert_eq!(listed(Some(OrderStatus::Cancelled)).await, (vec![], 1, 1));
        assert_eq!(listed(Some(OrderStatus::Funded)).await, (newest_first(3, 250), 7, 1));
        assert_eq!(listed(None).await, (newest_first(0, 250), 7, 1));
    }
    for of in [OrdersOf::Buyer(SELLER), OrdersOf::Seller(BUYER)] {
        assert_eq!(paged(&db, of, Some(OrderStatus::Disputed), None).await.facts(), (vec![], 1, 1));
    }
}

#[tokio::test]
async fn where_a_filter_leaves_most_out_pages_are_short_and_nothing_is_missed() {
    let db = TestStore::start().await;
    let made = orders(&db, 250, |n, order| {
        order.status = OrderStatus::Funded;
        order.payment_mode = if n < 3 { PaymentMode::Dot } else { PaymentMode::Mpesa };
    })
    .await;
    let oldest: Vec<Order> = made[..3].iter().rev().cloned().collect();
    let wanted = [
        (OrdersOf::Buyer(BUYER), Some(OrderStatus::Funded), 1),
        (OrdersOf::Buyer(BUYER), None, 1),
        (OrdersOf::Everybody, Some(OrderStatus::Funded), 4),
        (OrdersOf::Everybody, None, 14),
    ];
    for (of, status, requests) in wanted {
        let found = paged(&db, of, status, Some(PaymentMode::Dot)).await;
        assert_eq!((found.orders, found.requests), (oldest.clone(), requests), "{of:?} {status:?}");
    }
}

#[tokio::test]
async fn a_place_in_another_list_begins_the_list_anew() {
    let db = TestStore::start().await;
    let made = orders(&db, 2, |_, order| order.status = OrderStatus::Funded).await;
    let list = async |position: Option<&str>, status| {
        let wanted = OrderList { of: OrdersOf::Buyer(BUYER), status, mode: None, position, limit: 1 };
        db.store.orders().list(&wanted).await.unwrap()
    };
    let Page { items, next } = list(None, None).await;
    assert_eq!(items, made[1..]);
    assert_eq!(list(next.as_deref(), Some(OrderStatus::Funded)).await.items, made[1..]);
}

#[tokio::test]
async fn an_order_that_its_payout_completes_moves_from_list_to_list() {
    let db = TestStore::start().await;
    let delivered = in_status(&db, OrderStatus::Delivered).await;
    let out = payout(&delivered);
    assert_eq!(db.store.payments().create(&out).await, Ok(true));
    let paid = out.after(descrow_domain::payment::Decision::Succeed, later(5)).unwrap();
    assert_eq!(db.store.payments().settle_payout(&paid).await, Ok(Settled::Done));
    let completed = db.store.orders().get(delivered.id).await.unwrap().unwrap();
    assert_eq!(completed.status, OrderStatus::Completed);
    for of in [OrdersOf::Buyer(BUYER), OrdersOf::Seller(SELLER), OrdersOf::Everybody] {
        let listed = async |status| paged(&db, of, Some(status), None).await.orders;
        assert_eq!(listed(OrderStatus::Delivered).await, [], "{of:?}");
        assert_eq!(listed(OrderStatus::Completed).await, std::slice::from_ref(&completed), "{of:?}");
    }
}

#[tokio::test]
async fn a_row_that_a_release_without_these_lists_wrote_is_put_in_its_place_once() {
    let db = TestStore::start().await;
    let [old] = orders(&db, 1, |_, order| order.status = OrderStatus::Cancelled).await.try_into().unwrap();
    let text = AttributeValue::S;
    let row = || db.client.update_item().table_name("test-orders").key("id", text(old.id.to_string()));
    let cancelled = async || paged(&db, OrdersOf::Buyer(BUYER), Some(OrderStatus::Cancelled), None).await.orders;
    let missing = row().update_expression("REMOVE status_key");
    let outdated = row().update_expression("SET status_key = :key");
    let outdated = outdated.expression_attribute_values(":key", text(format!("created#{}", old.id)));
    for wrong in [missing, outdated] {
        wrong.send().await.unwrap();
        let item = db.client.get_item().table_name("test-orders").key("id", text(old.id.to_string()));
        let item = item.send().await.unwrap().item.unwrap();
        assert_eq!((Orders::in_place(&item, &old), cancelled().await), (false, vec![]));
        let changed_since = Order { version: 9, ..old.clone() };
        for (order, placed) in [(&changed_since, false), (&old, true), (&old, false)] {
            assert_eq!(db.store.orders().put_in_place(order).await, Ok(placed));
        }
        assert_eq!(cancelled().await, std::slice::from_ref(&old));
    }
}

#[tokio::test]
async fn payments_of_a_kind_are_all_found_one_round_trip_a_page() {
    let db = TestStore::start().await;
    let order = order(&product(1, NOW), NOW);
    let mut refunds = Vec::new();
    for n in 0..250 {
        let at: Timestamp = later(n);
        let mut payment = collection(&order, at);
        if n < 3 {
            payment = Payment::refund(&payment, 1, Kes(1), at);
            refunds.insert(0, payment.clone());
        }
        assert_eq!(db.store.payments().create(&payment).await, Ok(true));
    }
    for (of, first, requests) in [(Some(BUYER), None, 1), (None, Some(AFTER_ALL.to_owned()), 14)] {
        for (kind, wanted) in [(PaymentKind::Refund, refunds.as_slice()), (PaymentKind::Payout, &[])] {
            let (mut found, mut position) = (Vec::new(), first.clone());
            loop {
                db.trips.take();
                let list = PaymentList { of, kind: Some(kind), status: None, position: position.as_deref(), limit: 20 };
                let page = db.store.payments().list(&list).await.unwrap();
                assert!(db.trips.requests() <= requests);
                assert_eq!(db.trips.take(), 1);
                found.extend(page.items);
                position = page.next;
                if position.is_none() {
                    break;
                }
            }
            assert_eq!(found, wanted, "{of:?} {kind:?}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, ..ProptestConfig::default() })]

    /// The pages of a party's list, one after the other, are the whole list in its order, and each but the last is full.
    #[test]
    fn paging_loses_nothing_and_repeats_nothing(
        statuses in prop::collection::vec(0..OrderStatus::ALL.len(), 0..24),
        wanted in prop::option::of(0..OrderStatus::ALL.len()),
        limit in 1usize..7,
        seller: bool,
    ) {
        let of = if seller { OrdersOf::Seller(SELLER) } else { OrdersOf::Buyer(BUYER) };
        let status = wanted.map(|n| OrderStatus::ALL[n]);
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(async {
            let db = TestStore::start().await;
            let count = u32::try_from(statuses.len()).unwrap();
            let mut rows = orders(&db, count.max(1), |n, order| {
                order.status = statuses.get(usize::try_from(n).unwrap()).map_or(OrderStatus::Created, |n| OrderStatus::ALL[*n]);
            })
            .await;
            rows.retain(|row| status.is_none_or(|status| row.status == status));
            rows.reverse();
            let (mut listed, mut position) = (Vec::new(), None::<String>);
            loop {
                let list = OrderList { of, status, mode: None, position: position.as_deref(), limit };
                let page = db.store.orders().list(&list).await.unwrap();
                prop_assert!(page.items.len() == limit || page.next.is_none());
                listed.extend(page.items);
                position = page.next;
                if position.is_none() {
                    break;
                }
            }
            prop_assert_eq!(listed, rows);
            Ok(())
        })?;
    }
}
