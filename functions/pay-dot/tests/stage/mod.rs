//! The function over a database in process, with a chain where a test needs one.

#![allow(dead_code, reason = "each test file uses a part of it")]

use std::{sync::Arc, time::Duration};

use descrow_chain::{
    Address, Chain, Connector, EscrowCall, EscrowContract, OracleSigner, OrderRef, Submission,
    deploy::deploy,
    local_chain::{Blocks, LocalChain},
    solidity::SolidityAbi,
};
use descrow_domain::{
    Account, Kes, OrderId, Planck, Timestamp, UsdCents,
    order::{Deadlines, Order, PaymentMode},
    product::Product,
    user::Role,
};
use descrow_platform::{Deadline, Secret};
use descrow_store::{Applied, ChainChange, testing::sample};
use descrow_web::{
    App,
    testing::{Answer, Ask, Bench, Person},
};
use pay_dot::PayDot;

pub(crate) const AMOUNT: Planck = Planck(25_000_000_000);
/// The id that the sample events name.
const ORDER: &str = "0193a1f0-0000-7000-8000-0000000000a1";
const EVENT: &str = include_str!("../../../../events/orders-pay-dot.json");
const REPORT: &str = include_str!("../../../../events/orders-pay-dot-report.json");

pub(crate) fn deadline() -> Deadline {
    Deadline::after(Duration::from_secs(60))
}

/// A development key; its account buys or sells.
pub(crate) fn key(name: &str) -> OracleSigner {
    OracleSigner::from_secret(&Secret::new(format!("//{name}"))).unwrap()
}

pub(crate) struct Stage {
    pub(crate) bench: Bench,
    pub(crate) app: App,
    pub(crate) buyer: Person,
    pub(crate) seller: Person,
    pub(crate) stranger: Person,
    pub(crate) admin: Person,
}

/// A chain with the contract, and who may open orders on it.
pub(crate) struct World {
    pub(crate) local: LocalChain,
    pub(crate) chain: Chain,
    pub(crate) contract: EscrowContract,
    oracle: OracleSigner,
}

impl World {
    pub(crate) async fn start() -> Self {
        let local = LocalChain::start(Blocks::Instant).await.unwrap();
        let chain = Chain::connect(&local.url, deadline()).await.unwrap();
        let oracle = key("Alice");
        let deployed = deploy(&chain, &oracle, deadline()).await.unwrap();
        let contract = EscrowContract::new(deployed.address, SolidityAbi::reference().unwrap());
        Self { local, chain, contract, oracle }
    }

    /// Opens the order on the contract, and waits until that is final.
    pub(crate) async fn open(&self, order: &Order) {
        let call = EscrowCall::CreateOrder {
            order: OrderRef::of(order.id),
            buyer: order.buyer_id,
            seller: order.seller_id,
            amount: order.quote.amount,
            metadata_cid: String::new(),
        };
        let account = self.oracle.account();
        let head = self.chain.finalized_head(deadline()).await.unwrap();
        let at = self.chain.at(head, deadline()).await.unwrap();
        let dry_run = self.contract.dry_run(&at, &call, &account, deadline()).await.unwrap();
        let nonce = self.chain.next_nonce(&account, deadline()).await.unwrap();
        let signed = self.contract.sign(&at, &call, &dry_run, &self.oracle, nonce, 64).unwrap();
        assert_eq!(self.chain.submit(&signed.bytes, deadline()).await.unwrap(), Submission::Accepted);
        loop {
            let head = self.chain.finalized_head(deadline()).await.unwrap();
            let at = self.chain.at(head, deadline()).await.unwrap();
            if at.nonce(&account, deadline()).await.unwrap() > nonce {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

impl Stage {
    /// Without a chain: its node does not answer.
    pub(crate) async fn start() -> Self {
        let contract = EscrowContract::new(Address([0xC0; 20]), SolidityAbi::reference().unwrap());
        Self::with("ws://127.0.0.1:1", contract).await
    }

    /// On a chain.
    pub(crate) async fn on(world: &World) -> Self {
        Self::with(&world.local.url, world.contract.clone()).await
    }

    async fn with(url: &str, contract: EscrowContract) -> Self {
        let bench = Bench::start().await;
        let app = pay_dot::app(PayDot {
            edge: bench.edge.clone(),
            store: bench.database.store.clone(),
            connector: Arc::new(Connector::new(url)),
            contract,
        });
        let buyer = bench.registered(key("Bob").account(), 1, Role::Buyer).await;
        let seller = bench.registered(key("Charlie").account(), 2, Role::Seller).await;
        let stranger = bench.registered(key("Dave").account(), 3, Role::Buyer).await;
        let admin = bench.registered(key("Eve").account(), 5, Role::Admin).await;
        Self { bench, app, buyer, seller, stranger, admin }
    }

    pub(crate) async fn send(&self, ask: Ask) -> Answer {
        self.bench.send(&self.app, &ask).await
    }

    /// An order of one bag for 2.5 DOT, in DOT.
    pub(crate) async fn order(&self, change: impl FnOnce(&mut Order)) -> Order {
        let now = Timestamp::now();
        let mut order = ordered(self.buyer.account, self.seller.account, now);
        change(&mut order);
        let product = Product {
            id: order.product_id,
            title: order.product_title.clone(),
            price_dot: AMOUNT,
            price_usd: order.quote.usd,
            ..sample::product(order.seller_id, now)
        };
        self.bench.database.commit(&order, &product).await;
        order
    }

    /// The order as it is in the database.
    pub(crate) async fn row(&self, id: OrderId) -> Order {
        self.bench.database.store.orders().get(id).await.unwrap().unwrap()
    }

    /// Changes the order as the chain's events would.
    pub(crate) async fn rewrite(&self, id: OrderId, change: impl FnOnce(&mut Order)) {
        let mut next = self.row(id).await;
        next.version += 1;
        change(&mut next);
        let change =
            ChainChange { order: &next, command: None, payments: &[], withdraw: None, stock: None, ledger: None };
        let applied = self.bench.database.store.orders().apply_chain_event(&change, Timestamp::now()).await.unwrap();
        assert_eq!(applied, Applied::Done);
    }

    /// The buyer asks for the call to sign.
    pub(crate) fn ask(&self, id: OrderId) -> Ask {
        Ask::event(&EVENT.replace(ORDER, &id.to_string())).by(&self.buyer).key("ask")
    }

    /// The buyer reports an extrinsic.
    pub(crate) fn report(&self, id: OrderId, body: &serde_json::Value, key: &str) -> Ask {
        Ask::event(&REPORT.replace(ORDER, &id.to_string())).by(&self.buyer).key(key).json(body)
    }
}

fn ordered(buyer: Account, seller: Account, now: Timestamp) -> Order {
    let product = Product {
        title: "Kitenge bag".parse().unwrap(),
        price_dot: AMOUNT,
        price_usd: UsdCents(1_050),
        ..sample::product(seller, now)
    };
    let deadlines = Deadlines { payment: Some(now.plus_seconds(1800)), ..Deadlines::default() };
    let mut order = Order { payment_mode: PaymentMode::Dot, deadlines, ..sample::order(&product, buyer, now) };
    order.quote.kes = Kes(1_360);
    order
}
