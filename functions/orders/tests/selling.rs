//! Who may sell, and who gets the last piece: through the router, over a database in process.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod stage;

use descrow_domain::{
    Account, ProductId, Timestamp,
    product::ProductStatus,
    user::{KycStatus, Role, User},
};
use descrow_store::testing::sample;
use descrow_web::testing::{Answer, Ask};
use futures_util::future::join_all;
use serde_json::{Value, json};
use stage::{PHONE, PRODUCT, Stage, wish};

fn post(stage: &Stage, key: &str, body: &Value) -> Ask {
    Ask::new("POST", "/api/orders").by(&stage.buyer).key(key).json(body)
}

#[tokio::test]
async fn of_fifty_buyers_at_once_exactly_one_gets_the_last_piece() {
    let stage = Stage::start().await;
    stage.restock(|product| product.quantity = 1).await;
    let mut buyers = Vec::new();
    for n in 10..60 {
        buyers.push(stage.bench.person(n, Role::Buyer).await);
    }
    let asks = buyers.iter().map(|buyer| Ask::new("POST", "/api/orders").by(buyer).key("k").json(&wish()));
    let answers = join_all(asks.map(|ask| stage.send(ask))).await;
    let mut outcomes: Vec<_> = answers.iter().map(Answer::outcome).collect();
    outcomes.sort_unstable();
    let mut expected = vec![(409, "product_unavailable"); 50];
    expected[0] = (201, "");
    assert_eq!(outcomes, expected);
    let product = stage.bench.database.store.products().get(PRODUCT.parse().unwrap()).await.unwrap().unwrap();
    assert_eq!((product.quantity, product.status), (0, ProductStatus::Sold));
}

#[tokio::test]
async fn of_fifty_buyers_of_fifty_pieces_at_once_each_gets_one_and_then_it_is_sold() {
    let stage = Stage::start().await;
    stage.restock(|product| product.quantity = 50).await;
    let mut buyers = Vec::new();
    for n in 10..61 {
        buyers.push(stage.bench.person(n, Role::Buyer).await);
    }
    let late = buyers.pop().unwrap();
    let ask = |buyer| Ask::new("POST", "/api/orders").by(buyer).key("k").json(&wish());
    let answers = join_all(buyers.iter().map(|buyer| stage.send(ask(buyer)))).await;
    let outcomes: Vec<_> = answers.iter().map(Answer::outcome).collect();
    assert_eq!(outcomes, vec![(201, ""); 50]);
    let product = stage.bench.database.store.products().get(PRODUCT.parse().unwrap()).await.unwrap().unwrap();
    assert_eq!((product.quantity, product.status), (0, ProductStatus::Sold));
    assert_eq!(stage.send(ask(&late)).await.outcome(), (409, "product_unavailable"));
}

/// A product of somebody with this phone and this KYC status.
async fn sold_by(stage: &Stage, n: u8, change: impl FnOnce(&mut User)) -> ProductId {
    let now = Timestamp::now();
    let account = Account::from_bytes([n; 32]);
    let mut seller = User { phone: Some(PHONE.parse().unwrap()), ..sample::user(account, Role::Seller, now) };
    change(&mut seller);
    assert_eq!(stage.bench.database.store.users().create(&seller).await.unwrap(), None);
    let id = ProductId::new();
    stage.product(id, |product| product.seller_id = seller.id).await;
    id
}

#[tokio::test]
async fn a_seller_without_a_phone_sells_for_dot_only() {
    let stage = Stage::start().await;
    let mut body = wish();
    body["productId"] = json!(sold_by(&stage, 90, |seller| seller.phone = None).await);
    assert_eq!(stage.send(post(&stage, "k", &body)).await.outcome(), (409, "seller_without_phone"));
    body["paymentMode"] = json!("dot");
    assert_eq!(stage.send(post(&stage, "k2", &body)).await.status, 201);
}

#[tokio::test]
async fn where_it_is_asked_for_only_verified_sellers_sell() {
    let (free, strict) = (Stage::start().await, Stage::strict().await);
    assert_eq!(free.send(post(&free, "k", &wish())).await.status, 201);
    for mode in ["mpesa", "dot"] {
        let mut body = wish();
        body["paymentMode"] = json!(mode);
        let answer = strict.send(post(&strict, mode, &body)).await;
        assert_eq!(answer.outcome(), (409, "seller_unverified"), "{mode}");
    }
    let mut body = wish();
    body["productId"] = json!(sold_by(&strict, 90, |seller| seller.kyc_status = KycStatus::Verified).await);
    assert_eq!(strict.send(post(&strict, "k", &body)).await.status, 201);
}
