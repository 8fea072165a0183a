//! The orders function over a database, a Daraja and a Pinata in process.

#![allow(dead_code, reason = "each test file uses a part of it")]

use std::{sync::Arc, time::Duration};

use descrow_domain::{
    OrderId, Planck, ProductId, Timestamp, UsdCents,
    dispute::Dispute,
    order::{Order, OrderStatus},
    payment::Payment,
    product::{Product, ProductStatus},
    rates::{Pricing, Rates},
    user::Role,
};
use descrow_mpesa::{CallbackUrls, ClientSettings, Daraja, StkSettings};
use descrow_platform::{Config, Deadline, bucket::testing::TestBucket, http_client};
use descrow_store::Replaced;
use descrow_web::{
    App,
    testing::{Answer, Ask, Bench, Person},
};
use orders::Orders;
use sandbox::{CONSUMER_KEY, CONSUMER_SECRET, JWT, Options, PASSKEY, SHORTCODE, Sandbox, Settings};
use serde_json::{Value, json};

pub(crate) const PHONE: &str = "254708374149";
/// The ids that the sample events name.
pub(crate) const PRODUCT: &str = "0193a1f0-0000-7000-8000-0000000000b1";
pub(crate) const ORDER: &str = "0193a1f0-0000-7000-8000-0000000000a1";

pub(crate) struct Stage {
    pub(crate) bench: Bench,
    pub(crate) world: Sandbox,
    pub(crate) bucket: TestBucket,
    pub(crate) app: App,
    pub(crate) seller: Person,
    pub(crate) buyer: Person,
    pub(crate) stranger: Person,
    pub(crate) admin: Person,
}

impl Stage {
    pub(crate) async fn start() -> Self {
        Self::priced(configured()).await
    }

    /// The same where only verified sellers may sell.
    pub(crate) async fn strict() -> Self {
        Self::with(configured(), true).await
    }

    /// The same with other rates.
    pub(crate) async fn priced(pricing: Pricing) -> Self {
        Self::with(pricing, false).await
    }

    async fn with(pricing: Pricing, verified_sellers: bool) -> Self {
        let bench = Bench::start().await;
        // Nothing listens for callbacks here, so none is awaited.
        let settings = Settings { callback_delay_ms: 3_600_000, ..Settings::default() };
        let world = Sandbox::start(Options { settings, ..Options::default() }).await.unwrap();
        let variables = [
            ("MPESA_BASE_URL", world.daraja_url()),
            ("MPESA_CONSUMER_KEY", CONSUMER_KEY.to_owned()),
            ("MPESA_CONSUMER_SECRET", CONSUMER_SECRET.to_owned()),
            ("MPESA_SHORTCODE", SHORTCODE.to_owned()),
            ("MPESA_PASSKEY", PASSKEY.to_owned()),
            ("API_BASE_URL", "https://api.descrow.io".to_owned()),
            ("MPESA_CALLBACK_SECRET", "00112233445566778899aabbccddeeff".to_owned()),
            ("IPFS_API_URL", world.ipfs_url()),
            ("IPFS_JWT", JWT.to_owned()),
            ("IPFS_GATEWAYS", world.ipfs_url()),
        ];
        let pairs = variables.map(|(name, value)| (name.to_owned(), value));
        let (client, stk, callbacks, pins, gateways) = Config::from_values(pairs, |c| {
            let (client, stk) = (ClientSettings::read(c), StkSettings::read(c));
            Some((client?, stk?, CallbackUrls::read(c)?, descrow_ipfs::pin_service(c)?, descrow_ipfs::gateways(c)?))
        })
        .unwrap();
        // Another function has fetched the shared token; this one has not read it yet.
        let tokens = Arc::new(bench.database.store.daraja_token(&client.token_id()));
        let other = Daraja::new(client.clone(), tokens.clone()).unwrap();
        other.prepare(Deadline::after(Duration::from_secs(5))).await.unwrap();
        let bucket = TestBucket::start();
        let app = orders::app(Orders {
            edge: bench.edge.clone(),
            store: bench.database.store.clone(),
            daraja: Arc::new(Daraja::new(client, tokens).unwrap()),
            stk: Arc::new(stk),
            callbacks: Arc::new(callbacks),
            pins: Arc::from(pins),
            gateways: Arc::new(gateways),
            bucket: bucket.bucket.clone(),
            pricing,
            payment_window: 1800,
            verified_sellers,
        });
        let (seller, buyer) = (bench.person(1, Role::Seller).await, bench.person(2, Role::Buyer).await);
        let stranger = bench.person(3, Role::Seller).await;
        let admin = bench.person(4, Role::Admin).await;
        let stage = Self { bench, world, bucket, app, seller, buyer, stranger, admin };
        stage.product(PRODUCT.parse().unwrap(), |_| {}).await;
        stage
    }

    pub(crate) async fn send(&self, ask: Ask) -> Answer {
        self.bench.send(&self.app, &ask).await
    }

    /// Puts a product of the seller's into the catalogue: three bags at 2.5 DOT or 10.50 dollars.
    pub(crate) async fn product(&self, id: ProductId, change: impl FnOnce(&mut Product)) {
        let now = Timestamp::now();
        let mut product = Product {
            id,
            seller_id: self.seller.account,
            title: "Kitenge bag".parse().unwrap(),
            description: "Hand sewn.".parse().unwrap(),
            category: "bags".parse().unwrap(),
            price_dot: Planck::from_dot("2.5").unwrap(),
            price_usd: UsdCents(10_50),
            images: Vec::new(),
            metadata_cid: Some("bafkreifzjut3te2nhyekklss27nh3k72ysco7y32koao5eei66wof36n5e".to_owned()),
            quantity: 3,
            status: ProductStatus::Active,
            version: 1,
            created_at: now,
            updated_at: now,
        };
        change(&mut product);
        assert!(self.bench.database.store.products().create(&product).await.unwrap());
    }

    /// Changes the product that everybody orders.
    pub(crate) async fn restock(&self, change: impl FnOnce(&mut Product)) {
        let products = self.bench.database.store.products();
        let mut product = products.get(PRODUCT.parse().unwrap()).await.unwrap().unwrap();
        product.version += 1;
        change(&mut product);
        assert_eq!(products.replace(&product).await.unwrap(), Replaced::Done);
    }

    /// Orders the product as its buyer.
    pub(crate) async fn order(&self, key: &str) -> OrderId {
        let answer = self.send(Ask::new("POST", "/api/orders").by(&self.buyer).key(key).json(&wish())).await;
        assert_eq!(answer.status, 201, "{}", answer.text);
        answer.body["id"].as_str().unwrap().parse().unwrap()
    }

    /// The order as it is in the database.
    pub(crate) async fn row(&self, id: OrderId) -> Order {
        self.bench.database.store.orders().get(id).await.unwrap().unwrap()
    }

    /// Puts an order into `status`, as the chain's events would.
    pub(crate) async fn at(&self, id: OrderId, status: OrderStatus) {
        let row = self.row(id).await;
        let mut next = Order { status, version: row.version + 1, ..row };
        if status == OrderStatus::Disputed {
            next.dispute = Some(Dispute::raised(None, None, String::new(), Timestamp::now()));
        }
        self.rewrite(&next).await;
    }

    /// Replaces an order by its next version.
    pub(crate) async fn rewrite(&self, next: &Order) {
        self.rewrite_with(next, &[]).await;
    }

    /// The same with payments that begin then.
    pub(crate) async fn rewrite_with(&self, next: &Order, payments: &[Payment]) {
        use descrow_store::{Applied, ChainChange};
        let change = ChainChange { order: next, command: None, payments, withdraw: None, stock: None, ledger: None };
        let applied = self.bench.database.store.orders().apply_chain_event(&change, Timestamp::now()).await.unwrap();
        assert_eq!(applied, Applied::Done);
    }

    /// Replaces a payment by its next version.
    pub(crate) async fn repay(&self, next: &Payment) {
        let replaced = self.bench.database.store.payments().replace(next).await.unwrap();
        assert_eq!(replaced, Replaced::Done);
    }

    /// What the outside world has at `path` of Daraja's control API.
    pub(crate) async fn control(&self, path: &str) -> Value {
        let http = http_client::build(Duration::from_secs(5)).unwrap();
        let response = http.get(format!("{}/control/{path}", self.world.daraja_url())).send().await.unwrap();
        serde_json::from_slice(&response.bytes().await.unwrap()).unwrap()
    }

    /// What IPFS has under a CID.
    pub(crate) async fn content(&self, cid: &str) -> String {
        String::from_utf8(self.published(cid).await).unwrap()
    }

    /// The same where it is no text.
    pub(crate) async fn published(&self, cid: &str) -> Vec<u8> {
        let http = http_client::build(Duration::from_secs(5)).unwrap();
        http.get(format!("{}/ipfs/{cid}", self.world.ipfs_url())).send().await.unwrap().bytes().await.unwrap().to_vec()
    }

    /// The prompts that phones show or showed.
    pub(crate) async fn prompts(&self) -> Vec<Value> {
        self.control("prompts").await["prompts"].as_array().unwrap().clone()
    }
}

fn configured() -> Pricing {
    Pricing::Configured(Rates {
        usd_per_dot: 4_20_000_000,
        kes_per_usd: 129_00_000_000,
        source: "configuration".to_owned(),
        at: Timestamp(1_795_000_000_000),
    })
}

/// An order as a buyer asks for it.
pub(crate) fn wish() -> Value {
    json!({"productId": PRODUCT, "paymentMode": "mpesa", "deliveryAddress": "Moi Avenue 12, Nairobi", "phoneNumber": PHONE})
}

/// A sample event, about the order `id`.
pub(crate) fn sample(event: &str, id: OrderId) -> Ask {
    Ask::event(&event.replace(ORDER, &id.to_string()))
}
