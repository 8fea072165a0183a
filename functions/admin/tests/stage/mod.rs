//! The admin function over a database and a bucket in process.

#![allow(dead_code, reason = "each test file uses a part of it")]

use admin::Office;
use descrow_domain::{
    Kes, OrderId, Planck, Timestamp, UsdCents,
    audit::{AuditAction, AuditEntry},
    dispute::Dispute,
    order::{Order, OrderStatus},
    payment::{Payment, PaymentStatus},
    product::Product,
    user::Role,
};
use descrow_platform::bucket::testing::TestBucket;
use descrow_store::{Applied, ChainChange, Replaced, Store, testing::sample};
use descrow_web::{
    App,
    testing::{Answer, Ask, Bench, Person},
};
use serde_json::Value;

/// The order that the sample events name.
pub(crate) const ORDER: &str = "0193a1f0-0000-7000-8000-0000000000a1";

pub(crate) struct Stage {
    pub(crate) bench: Bench,
    pub(crate) documents: TestBucket,
    pub(crate) app: App,
    pub(crate) seller: Person,
    pub(crate) buyer: Person,
    pub(crate) admin: Person,
    pub(crate) other_admin: Person,
}

impl Stage {
    /// Disputes over more than 10,000 shillings need two admins.
    pub(crate) async fn start() -> Self {
        let bench = Bench::with(&[("RATE_LIMIT_ADMIN", "100000/300")]).await;
        let documents = TestBucket::start();
        let app = admin::app(Office {
            edge: bench.edge.clone(),
            store: bench.database.store.clone(),
            documents: documents.bucket.clone(),
            four_eyes_above: Kes(10_000),
        });
        let (seller, buyer) = (bench.person(1, Role::Seller).await, bench.person(2, Role::Buyer).await);
        let (admin, other_admin) = (bench.person(8, Role::Admin).await, bench.person(9, Role::Admin).await);
        Self { bench, documents, app, seller, buyer, admin, other_admin }
    }

    pub(crate) fn store(&self) -> &Store {
        &self.bench.database.store
    }

    pub(crate) async fn send(&self, ask: Ask) -> Answer {
        self.bench.send(&self.app, &ask).await
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send(Ask::new("GET", path).by(&self.admin)).await
    }

    /// An order of the buyer's at the seller's, as `change` makes it.
    pub(crate) async fn order(&self, kes: u32, change: impl FnOnce(&mut Order)) -> Order {
        let now = Timestamp::now();
        let product = self.product(now);
        let mut order = Order { on_chain: true, ..sample::order(&product, self.buyer.account, now) };
        order.quote.kes = Kes(kes);
        (order.quote.rates.usd_per_dot, order.quote.rates.kes_per_usd) = (4_00_000_000, 130_00_000_000);
        self.bench.database.commit(&order, &product).await;
        let mut next = Order { version: 2, ..order };
        change(&mut next);
        self.rewrite(&next).await;
        next
    }

    /// An order over `kes` shillings that its buyer disputes.
    pub(crate) async fn disputed(&self, kes: u32) -> Order {
        self.order(kes, dispute).await
    }

    /// An order's next version, as an event of the chain would write it.
    pub(crate) async fn rewrite(&self, next: &Order) {
        let change =
            ChainChange { order: next, command: None, payments: &[], withdraw: None, stock: None, ledger: None };
        assert_eq!(self.store().orders().apply_chain_event(&change, Timestamp::now()).await, Ok(Applied::Done));
    }

    pub(crate) async fn row(&self, id: OrderId) -> Order {
        self.store().orders().get(id).await.unwrap().unwrap()
    }

    fn product(&self, now: Timestamp) -> Product {
        Product {
            title: "Kitenge bag".parse().unwrap(),
            price_dot: Planck::from_dot("2.5").unwrap(),
            price_usd: UsdCents(10_50),
            quantity: 3,
            ..sample::product(self.seller.account, now)
        }
    }

    /// A payment that M-Pesa finally refused.
    pub(crate) async fn failed(&self, payment: Payment) -> Payment {
        assert!(self.store().payments().create(&payment).await.unwrap());
        let next = Payment { status: PaymentStatus::Failed, next_check_at: None, version: 2, ..payment };
        assert_eq!(self.store().payments().replace(&next).await, Ok(Replaced::Done));
        next
    }

    /// The whole audit log, oldest first.
    pub(crate) async fn log(&self) -> Vec<AuditEntry> {
        let mut items = self.store().audit().list(None, 100).await.unwrap().items;
        items.reverse();
        items
    }

    /// Who did what, oldest first.
    pub(crate) async fn deeds(&self) -> Vec<(AuditAction, descrow_domain::Account)> {
        self.log().await.into_iter().map(|entry| (entry.action, entry.admin)).collect()
    }
}

/// Makes an order disputed by its buyer, with one piece of evidence.
pub(crate) fn dispute(order: &mut Order) {
    let now = Timestamp::now();
    let reason = Some("The seam is torn.".parse().unwrap());
    let raised = Dispute::raised(reason, Some(order.buyer_id), "bafyevidence".to_owned(), now);
    order.status = OrderStatus::Disputed;
    order.dispute = Some(Dispute { evidence_count: 1, ..raised });
    order.deadlines.evidence = Some(now.plus_seconds(3600));
}

/// A sample event about the order `id`.
pub(crate) fn sample(event: &str, id: OrderId) -> Ask {
    Ask::event(&event.replace(ORDER, &id.to_string()))
}

/// The ids of a list's entries, at `pointer` in each.
pub(crate) fn ids(answer: &Answer, pointer: &str) -> Vec<String> {
    let items = answer.body["items"].as_array().unwrap();
    items.iter().map(|item| item.pointer(pointer).and_then(Value::as_str).unwrap().to_owned()).collect()
}
