//! Devices whose session has ended.

use aws_sdk_dynamodb::types::AttributeValue;
use descrow_domain::Timestamp;
use notifier::batch::process;
use uuid::Uuid;

use crate::stage::{buyer, connect_in, courier, event, failed, sample, soon, with_devices};

#[tokio::test]
async fn a_device_whose_session_ended_is_pushed_nothing_and_closed_and_the_user_s_others_go_on() {
    let db = with_devices().await;
    let stolen = Uuid::now_v7();
    connect_in(&db.store, "stolen", buyer(), stolen, Timestamp::now()).await;
    let courier = courier();
    process(event(&[sample("order-created")]), &db.store, &courier, soon()).await;
    assert_eq!(courier.push().got("stolen").len(), 2);
    db.store.sessions().revoke_family(stolen).await.unwrap();
    let response = process(event(&[sample("order-funded")]), &db.store, &courier, soon()).await;
    assert_eq!(failed(&response), []);
    assert_eq!((courier.push().got("stolen").len(), courier.push().got("buyer-phone").len()), (2, 4));
    assert_eq!(*courier.push().closed.lock().unwrap(), ["stolen"]);
    assert_eq!(db.store.connections().get("stolen").await, Ok(None));
}

#[tokio::test]
async fn a_device_that_does_not_know_its_session_is_pushed_nothing_and_closed() {
    let db = with_devices().await;
    let key = AttributeValue::S("buyer-laptop".into());
    let strip = db.client.update_item().table_name("test-connections").key("id", key);
    let strip = strip.update_expression("REMOVE #f").expression_attribute_names("#f", "family");
    strip.send().await.unwrap();
    let courier = courier();
    process(event(&[sample("order-created")]), &db.store, &courier, soon()).await;
    assert_eq!((courier.push().got("buyer-laptop").len(), courier.push().got("buyer-phone").len()), (0, 2));
    assert_eq!(*courier.push().closed.lock().unwrap(), ["buyer-laptop"]);
}
