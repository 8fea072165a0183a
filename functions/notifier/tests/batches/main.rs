//! Batches of stream records with their sample events: rows in a real table engine, pushes into a list.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod failures;
mod sessions;
mod stage;

use descrow_domain::{
    Kes, Timestamp,
    notification::{Notification, NotificationKind},
    payment::{Payment, PaymentStatus},
    realtime::{MessageId, ServerMessage},
};
use notifier::batch::process;

use crate::stage::{
    ORDER, PAYMENT, buyer, connect, courier, event, failed, notifications, sample, seller, soon, titles, with_devices,
};

#[tokio::test]
async fn a_funded_order_is_told_to_both_parties_on_all_their_devices() {
    let db = with_devices().await;
    let phone = "254708374149".parse().unwrap();
    let order = ORDER.parse().unwrap();
    let mut payment = Payment::collection(order, buyer(), phone, Kes(816), Timestamp(0));
    payment.id = PAYMENT.parse().unwrap();
    payment.status = PaymentStatus::Succeeded;
    payment.receipt = Some("NLJ7RT61SV".into());
    assert!(db.store.payments().create(&payment).await.unwrap());
    let courier = courier();
    let response = process(event(&[sample("order-funded")]), &db.store, &courier, soon()).await;
    assert_eq!(failed(&response), []);

    let rows = (notifications(&db.store, buyer()).await, notifications(&db.store, seller()).await);
    assert_eq!((titles(&rows.0), titles(&rows.1)), (vec!["Payment in escrow"], vec!["Order paid"]));
    assert!(rows.0[0].id.created_at() == Some(Timestamp(1_795_341_660_000)) && !rows.0[0].read);
    for (device, row, receipt) in [
        ("buyer-phone", &rows.0[0], Some("NLJ7RT61SV")),
        ("buyer-laptop", &rows.0[0], Some("NLJ7RT61SV")),
        ("seller-phone", &rows.1[0], None),
    ] {
        let got = courier.push().got(device);
        let [
            ServerMessage::OrderUpdated { id, order, .. },
            ServerMessage::NotificationCreated { id: second, notification, .. },
        ] = got.as_slice()
        else {
            panic!("{device} got {got:?}")
        };
        assert_eq!((*id, *second), (MessageId::new(1), MessageId::new(2)), "{device}");
        assert_eq!(notification.id, row.id, "{device}");
        assert_eq!(order.payment.as_ref().unwrap().receipt.as_deref(), receipt, "{device}");
        assert!(!serde_json::to_string(&got).unwrap().contains("254708374149"), "{device}");
    }
}

#[tokio::test]
async fn a_record_that_comes_again_writes_nothing_and_its_messages_are_the_same() {
    let db = with_devices().await;
    let courier = courier();
    for _ in 0..2 {
        let response = process(event(&[sample("order-created")]), &db.store, &courier, soon()).await;
        assert_eq!(failed(&response), []);
        let row = &notifications(&db.store, buyer()).await[0];
        db.store.notifications().mark_read(&buyer(), row.id).await.unwrap();
    }
    let rows = notifications(&db.store, buyer()).await;
    assert_eq!(titles(&rows), ["Order placed"]);
    assert!(rows[0].read);
    let got = courier.push().got("buyer-phone");
    assert_eq!(got.len(), 4);
    assert_eq!(got[..2], got[2..]);
}

#[tokio::test]
async fn parts_of_a_batch_that_come_again_in_any_order_write_nothing_new() {
    let names = ["order-created", "order-funded", "order-pending", "payment-succeeded", "payout-succeeded"];
    let db = with_devices().await;
    let courier = courier();
    let all = names.map(sample);
    assert_eq!(failed(&process(event(&all), &db.store, &courier, soon()).await), []);
    let first = (courier.push().got("buyer-phone"), courier.push().got("seller-phone"));
    assert_eq!((first.0.len(), first.1.len()), (8, 8));
    let rows = (notifications(&db.store, buyer()).await, notifications(&db.store, seller()).await);
    let reversed: Vec<_> = all.iter().rev().cloned().collect();
    for again in [&all[..], &all[2..], &all[..1], &all[3..4], &reversed] {
        assert_eq!(failed(&process(event(again), &db.store, &courier, soon()).await), []);
        for (device, first) in [("buyer-phone", &first.0), ("seller-phone", &first.1)] {
            let news: Vec<_> = courier.push().got(device).into_iter().filter(|m| !first.contains(m)).collect();
            assert_eq!(news, [], "{device}");
        }
    }
    assert_eq!((notifications(&db.store, buyer()).await, notifications(&db.store, seller()).await), rows);
    for user in [buyer(), seller()] {
        assert_eq!(db.store.messages().last(&user).await, Ok(MessageId::new(8)));
    }
}

#[tokio::test]
async fn what_another_function_wrote_for_a_user_is_pushed_once() {
    let db = with_devices().await;
    let courier = courier();
    for _ in 0..2 {
        assert_eq!(failed(&process(event(&[sample("security")]), &db.store, &courier, soon()).await), []);
    }
    let got = courier.push().got("buyer-phone");
    let [ServerMessage::NotificationCreated { id, notification, .. }, again] = got.as_slice() else {
        panic!("{got:?}")
    };
    assert_eq!((*id, notification.kind, notification.order_id), (MessageId::new(1), NotificationKind::Security, None));
    assert_eq!(*again, got[0]);
    assert_eq!((courier.push().got("seller-phone"), db.store.messages().last(&buyer()).await), (vec![], Ok(*id)));
    // A row that is marked as read, and one that the notifier wrote itself, are no news.
    let mut read = sample("security");
    read["Records"][0]["eventName"] = "MODIFY".into();
    let mut own = sample("security");
    own["Records"][0]["dynamodb"]["NewImage"].as_object_mut().unwrap().remove("push");
    own["Records"][0]["dynamodb"]["NewImage"]["id"]["S"] = "01998f00-7777-7000-8000-000000000008".into();
    assert_eq!(failed(&process(event(&[read, own]), &db.store, &courier, soon()).await), []);
    assert_eq!(courier.push().got("buyer-phone").len(), 2);
}

#[tokio::test]
async fn only_what_others_write_is_marked_to_be_pushed() {
    let db = with_devices().await;
    process(event(&[sample("order-created")]), &db.store, &courier(), soon()).await;
    let image = sample("security")["Records"][0]["dynamodb"]["NewImage"].clone();
    let row: Notification =
        serde_dynamo::from_item(serde_json::from_value::<serde_dynamo::Item>(image).unwrap()).unwrap();
    db.store.notifications().put_if_absent(&row).await.unwrap();
    let found = db.client.scan().table_name("test-notifications").send().await.unwrap();
    let mut due: Vec<(String, bool)> =
        found.items().iter().map(|item| (item["title"].as_s().unwrap().clone(), item.contains_key("push"))).collect();
    due.sort();
    assert_eq!(due, [("New order".into(), false), ("Order placed".into(), false), (row.title, true)]);
}

#[tokio::test]
async fn a_payment_is_told_to_its_owner_only() {
    let db = with_devices().await;
    let courier = courier();
    let samples = [sample("payment-succeeded"), sample("payout-succeeded")];
    assert_eq!(failed(&process(event(&samples), &db.store, &courier, soon()).await), []);
    for (device, user, kind) in
        [("buyer-phone", buyer(), NotificationKind::Payment), ("seller-phone", seller(), NotificationKind::Payout)]
    {
        let got = courier.push().got(device);
        let [ServerMessage::PaymentUpdated { payment, .. }, ServerMessage::NotificationCreated { notification, .. }] =
            got.as_slice()
        else {
            panic!("{device} got {got:?}")
        };
        assert_eq!((payment.status, notification.kind), (PaymentStatus::Succeeded, kind));
        assert_eq!(notifications(&db.store, user).await.len(), 1);
        let text = serde_json::to_string(&got).unwrap();
        assert!(!text.contains("ws_CO_") && !text.contains("254708374149"), "{text}");
    }
}

#[tokio::test]
async fn a_change_that_nobody_sees_is_told_to_nobody() {
    let db = with_devices().await;
    let courier = courier();
    assert_eq!(failed(&process(event(&[sample("order-unseen")]), &db.store, &courier, soon()).await), []);
    assert_eq!(notifications(&db.store, buyer()).await, []);
    assert_eq!(courier.push().got("buyer-phone"), []);
}

#[tokio::test]
async fn changes_of_an_order_arrive_in_their_order() {
    let db = with_devices().await;
    let courier = courier();
    let samples = [sample("order-created"), sample("order-funded"), sample("order-pending")];
    assert_eq!(failed(&process(event(&samples), &db.store, &courier, soon()).await), []);
    let versions: Vec<u64> = courier
        .push()
        .got("seller-phone")
        .iter()
        .filter_map(|message| match message {
            ServerMessage::OrderUpdated { order, .. } => Some(order.version),
            _ => None,
        })
        .collect();
    assert_eq!(versions, [1, 3, 4]);
    let newest_first = notifications(&db.store, seller()).await;
    assert_eq!(titles(&newest_first), ["Being recorded", "Order paid", "New order"]);
}

#[tokio::test]
async fn a_record_that_cannot_be_understood_blocks_nobody() {
    let db = with_devices().await;
    let courier = courier();
    let mut samples = vec![sample("poison")];
    samples.insert(0, serde_json::json!({"Records": ["not a record", {"eventName": "INSERT"}]}));
    assert_eq!(failed(&process(event(&samples), &db.store, &courier, soon()).await), []);
    assert_eq!(titles(&notifications(&db.store, buyer()).await), ["Payment in escrow"]);
}

#[tokio::test]
async fn a_connection_that_is_gone_is_forgotten_unless_it_is_just_arriving() {
    let db = with_devices().await;
    connect(&db.store, "gone-old", buyer(), Timestamp(0)).await;
    connect(&db.store, "gone-new", buyer(), Timestamp::now()).await;
    let courier = courier();
    process(event(&[sample("order-created")]), &db.store, &courier, soon()).await;
    assert_eq!(db.store.connections().get("gone-old").await.unwrap(), None);
    assert!(db.store.connections().get("gone-new").await.unwrap().is_some());
    assert_eq!(courier.push().got("buyer-phone").len(), 2);
}

#[tokio::test]
async fn a_slow_device_costs_its_own_messages_only() {
    let db = with_devices().await;
    for number in 0..5 {
        connect(&db.store, &format!("slow-{number}"), buyer(), Timestamp(0)).await;
    }
    let courier = courier();
    let samples = [sample("order-created"), sample("order-funded"), sample("order-pending")];
    assert_eq!(failed(&process(event(&samples), &db.store, &courier, soon()).await), []);
    assert_eq!((courier.push().got("buyer-phone").len(), courier.push().got("seller-phone").len()), (6, 6));
    // It is left alone for a while: the next batch does not wait for it.
    let payment = event(&[sample("payment-succeeded")]);
    assert_eq!(failed(&process(payment, &db.store, &courier, soon()).await), []);
    assert_eq!(courier.push().got("buyer-phone").len(), 8);
    let asked = courier.push().asked.lock().unwrap().clone();
    assert_eq!((asked["slow-0"], asked["slow-4"], asked["buyer-phone"]), (1, 1, 2));
}
