//! A chain with the contract, a database, and a submitter between them.

#![allow(dead_code, reason = "each test crate uses its part")]

use std::time::Duration;

use aws_lambda_events::event::sqs::{SqsEvent, SqsMessage};
use descrow_chain::{
    At, Chain, Connector, EscrowCall, EscrowContract, OracleSigner, OrderRef, OrderState,
    deploy::{Deployment, deploy},
    local_chain::{Blocks, LocalChain},
    solidity::SolidityAbi,
};
use descrow_domain::{
    Account, Kes, OrderId, PaymentId, Planck, Timestamp, UsdCents,
    command::{ChainCommand, Command},
    order::{Order, PaymentMode, payment_hash},
    product::Product,
};
use descrow_platform::{Deadline, Secret, queue::WakeUp};
use descrow_store::testing::{TestStore, sample};
use oracle_submitter::Submitter;

pub(crate) const AMOUNT: Planck = Planck(50_000_000_000);

pub(crate) struct World {
    pub(crate) local: LocalChain,
    pub(crate) chain: Chain,
    pub(crate) deployment: Deployment,
    pub(crate) db: TestStore,
    pub(crate) submitter: Submitter,
}

pub(crate) fn deadline() -> Deadline {
    Deadline::after(Duration::from_secs(60))
}

pub(crate) fn key(name: &str) -> OracleSigner {
    OracleSigner::from_secret(&Secret::new(format!("//{name}"))).unwrap()
}

pub(crate) fn buyer() -> Account {
    key("Bob").account()
}

pub(crate) fn seller() -> Account {
    key("Charlie").account()
}

/// A batch of messages that wake these commands.
pub(crate) fn wake(ids: &[&str]) -> SqsEvent {
    let mut event = SqsEvent::default();
    for id in ids {
        let mut message = SqsMessage::default();
        message.message_id = Some((*id).to_owned());
        message.body = Some(serde_json::to_string(&WakeUp::new(*id)).unwrap());
        event.records.push(message);
    }
    event
}

pub(crate) fn new_order(mode: PaymentMode) -> Order {
    let now = Timestamp::now();
    let product = Product {
        title: "Kiondo basket".parse().unwrap(),
        price_dot: AMOUNT,
        price_usd: UsdCents(2_100),
        ..sample::product(seller(), now)
    };
    let mut order = Order { payment_mode: mode, history: Vec::new(), ..sample::order(&product, buyer(), now) };
    order.quote.kes = Kes(2_719);
    order
}

impl World {
    pub(crate) async fn start(blocks: Blocks) -> Self {
        let local = LocalChain::start(blocks).await.unwrap();
        let chain = Chain::connect(&local.url, deadline()).await.unwrap();
        let oracle = key("Alice");
        let deploying = deploy(&chain, &oracle, deadline());
        let deployment = if blocks == Blocks::OnDemand {
            let (made, deployed) = tokio::join!(make_blocks_for_a_while(&local), deploying);
            made.unwrap();
            deployed.unwrap()
        } else {
            deploying.await.unwrap()
        };
        let db = TestStore::start().await;
        let submitter = Submitter {
            store: db.store.clone(),
            connector: Connector::new(&local.url),
            contract: EscrowContract::new(deployment.address, SolidityAbi::reference().unwrap()),
            signer: oracle,
        };
        Self { local, chain, deployment, db, submitter }
    }

    /// An order as the API commits it: with its command to the contract.
    pub(crate) async fn order(&self, mode: PaymentMode) -> (Order, ChainCommand) {
        let order = new_order(mode);
        let product = Product {
            id: order.product_id,
            title: order.product_title.clone(),
            price_dot: order.quote.amount,
            price_usd: order.quote.usd,
            quantity: 3,
            ..sample::product(order.seller_id, order.created_at)
        };
        let command = self.db.commit(&order, &product).await;
        (order, command)
    }

    /// `who` tells the contract, from a wallet of its own, and waits for the block.
    pub(crate) async fn tell(&self, who: &str, call: &EscrowCall) {
        let (signer, at, contract) = (key(who), self.head().await, &self.submitter.contract);
        let account = signer.account();
        let dry_run = contract.dry_run(&at, call, &account, deadline()).await.unwrap();
        let nonce = self.chain.next_nonce(&account, deadline()).await.unwrap();
        let extrinsic = contract.sign(&at, call, &dry_run, &signer, nonce, 64).unwrap();
        self.chain.submit(&extrinsic.bytes, deadline()).await.unwrap();
        while self.head().await.nonce(&account, deadline()).await.unwrap() == nonce {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// A payment's record, committed as the payment processor does it.
    pub(crate) async fn payment(&self, order: OrderId) -> ChainCommand {
        let payment_id = PaymentId::new();
        let tx_hash = format!("0x{}", hex::encode(payment_hash(payment_id, Some("NLJ7RT61SV"))));
        let command = ChainCommand::new(order, Command::RecordPayment { payment_id, tx_hash }, Timestamp::now());
        assert!(self.db.store.chain_commands().create(&command).await.unwrap());
        command
    }

    /// Delivers messages for these commands; the ids of those that come again.
    pub(crate) async fn deliver(&self, ids: &[&str]) -> Vec<String> {
        let response = self.submitter.handle(wake(ids), deadline()).await;
        response.batch_item_failures.into_iter().map(|failure| failure.item_identifier).collect()
    }

    pub(crate) async fn command(&self, id: &str) -> ChainCommand {
        self.db.store.chain_commands().get(id).await.unwrap().unwrap()
    }

    pub(crate) async fn head(&self) -> At {
        let head = self.chain.finalized_head(deadline()).await.unwrap();
        self.chain.at(head, deadline()).await.unwrap()
    }

    pub(crate) async fn state(&self, order: OrderId) -> OrderState {
        let at = self.head().await;
        self.submitter.contract.order_state(&at, OrderRef::of(order), deadline()).await.unwrap()
    }

    /// How many extrinsics of the oracle are in the chain.
    pub(crate) async fn used_nonces(&self) -> u64 {
        self.head().await.nonce(&self.submitter.signer.account(), deadline()).await.unwrap()
    }

    /// Waits until the chain holds `count` extrinsics of the oracle.
    pub(crate) async fn wait_for_nonces(&self, count: u64) {
        let patience = deadline();
        while self.used_nonces().await < count {
            assert!(patience.allows(Duration::from_secs(1)), "the extrinsic never came");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

async fn make_blocks_for_a_while(local: &LocalChain) -> Result<(), descrow_chain::ChainError> {
    for _ in 0..6 {
        tokio::time::sleep(Duration::from_millis(700)).await;
        local.make_block().await?;
    }
    Ok(())
}
