//! The products function over a database, a bucket and a Pinata in process.

#![allow(dead_code, reason = "each file of tests uses a part of it")]

use std::{sync::Arc, time::Duration};

use descrow_domain::{rates::Pricing, user::Role};
use descrow_ipfs::File;
use descrow_platform::{Config, Deadline, bucket::testing::TestBucket, http_client};
use descrow_web::{
    App,
    testing::{Answer, Ask, Bench, Person},
};
use products::{ProductCache, Products};
use sandbox::{JWT, Options, Sandbox};
use serde_json::{Value, json};

pub(crate) struct Stage {
    pub(crate) bench: Bench,
    pub(crate) world: Sandbox,
    pub(crate) bucket: TestBucket,
    products: Products,
    pub(crate) app: App,
    pub(crate) seller: Person,
    pub(crate) buyer: Person,
}

impl Stage {
    pub(crate) async fn start() -> Self {
        Self::priced(None).await
    }

    /// The same with other rates than the configured ones.
    pub(crate) async fn priced(pricing: Option<Pricing>) -> Self {
        let bench = Bench::start().await;
        let world = Sandbox::start(Options::default()).await.unwrap();
        let settings = [
            ("IPFS_API_URL", world.ipfs_url()),
            ("IPFS_JWT", JWT.to_owned()),
            ("IPFS_GATEWAYS", world.ipfs_url()),
            ("USD_PER_DOT", "4.20".to_owned()),
            ("KES_PER_USD", "129.25".to_owned()),
        ];
        let pairs = settings.map(|(name, value)| (name.to_owned(), value));
        let (pins, gateways, configured) = Config::from_values(pairs, |c| {
            Some((descrow_ipfs::pin_service(c)?, descrow_ipfs::gateways(c)?, descrow_store::pricing(c)?))
        })
        .unwrap();
        let bucket = TestBucket::start();
        let products = Products {
            edge: bench.edge.clone(),
            store: bench.database.store.clone(),
            pins: Arc::from(pins),
            gateways: Arc::new(gateways),
            bucket: bucket.bucket.clone(),
            cache: ProductCache::default(),
            pricing: pricing.unwrap_or(configured),
        };
        let app = products::app(products.clone());
        let (seller, buyer) = (bench.person(1, Role::Seller).await, bench.person(2, Role::Buyer).await);
        Self { bench, world, bucket, products, app, seller, buyer }
    }

    pub(crate) async fn send(&self, ask: Ask) -> Answer {
        self.bench.send(&self.app, &ask).await
    }

    /// The same from another instance of the function.
    pub(crate) async fn send_elsewhere(&self, ask: Ask) -> Answer {
        let app = products::app(Products { cache: ProductCache::default(), ..self.products.clone() });
        self.bench.send(&app, &ask).await
    }

    /// Lists a product of the seller's and gives its id.
    pub(crate) async fn listed(&self, key: &str, change: impl FnOnce(&mut Value)) -> String {
        let mut body = bag();
        change(&mut body);
        let answer = self.send(Ask::new("POST", "/api/products").by(&self.seller).key(key).json(&body)).await;
        assert_eq!(answer.status, 201, "{}", answer.text);
        answer.body["id"].as_str().unwrap().to_owned()
    }

    /// Pins one more picture; gives its CID.
    pub(crate) async fn picture(&self, n: u8) -> String {
        let bytes = [n; 64];
        let file = File { name: "picture", media_type: "application/octet-stream", bytes: &bytes };
        self.products.pins.pin(file, Deadline::after(Duration::from_secs(5))).await.unwrap().to_string()
    }

    /// What IPFS has under a CID.
    pub(crate) async fn content(&self, cid: &str) -> Vec<u8> {
        self.outside(&format!("{}/ipfs/{cid}", self.world.ipfs_url())).await
    }

    /// How often something was pinned.
    pub(crate) async fn pins(&self) -> usize {
        let text = self.outside(&format!("{}/control/requests?operation=pin", self.world.daraja_url())).await;
        let journal: Value = serde_json::from_slice(&text).unwrap();
        journal["requests"].as_array().unwrap().len()
    }

    async fn outside(&self, url: &str) -> Vec<u8> {
        let http = http_client::build(Duration::from_secs(5)).unwrap();
        let response = http.get(url).send().await.unwrap();
        assert_eq!(response.status(), 200, "{url}");
        response.bytes().await.unwrap().to_vec()
    }
}

/// A product as a seller describes it.
pub(crate) fn bag() -> Value {
    json!({"title": "Kitenge bag", "description": "Hand sewn.", "category": "bags", "priceDot": "2.5", "quantity": 3})
}
