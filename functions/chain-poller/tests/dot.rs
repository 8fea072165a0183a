//! Orders paid in DOT: the contract holds the money and pays it out, the poller books what it did.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test stops at what it did not expect")]

#[path = "../../oracle-submitter/tests/world/mod.rs"]
mod world;

use std::time::Duration;

use chain_poller::{Poller, consequence::Windows};
use descrow_chain::{Connector, EscrowCall, OrderRef, local_chain::Blocks};
use descrow_domain::{
    Account, Planck, Timestamp,
    command::{ChainCommand, Command},
    dispute::DisputeResolution,
    ledger::{LedgerAccount, Unit},
    order::{Order, OrderMove, OrderStatus, PaymentMode, PendingAction},
    product::ProductStatus,
};
use descrow_platform::Deadline;
use descrow_store::Requested;
use world::{AMOUNT, World, buyer, deadline, key, seller};

const WINDOWS: Windows = Windows { shipping: 604_800, inspection: 259_200, evidence: 259_200 };

/// A chain with a poller that reads it.
struct Market {
    world: World,
    poller: Poller,
}

impl Market {
    async fn open() -> Self {
        let world = World::start(Blocks::Instant).await;
        let poller = Poller {
            store: world.db.store.clone(),
            connector: Connector::new(&world.local.url),
            contract: world.submitter.contract.clone(),
            windows: WINDOWS,
            from_block: Some(world.deployment.from_block),
        };
        Self { world, poller }
    }

    /// Polls as the schedule does, until the order is where its events lead.
    async fn reach(&self, order: &Order, status: OrderStatus) -> Order {
        let patience = deadline();
        loop {
            self.poller.follow(Deadline::after(Duration::from_secs(3))).await.unwrap().unwrap();
            let row = self.row(order).await;
            if row.status == status {
                return row;
            }
            assert!(patience.allows(Duration::from_secs(3)), "{} and not {}", row.status.as_str(), status.as_str());
        }
    }

    async fn row(&self, order: &Order) -> Order {
        self.world.db.store.orders().get(order.id).await.unwrap().unwrap()
    }

    /// An order that the buyer paid from a wallet of its own.
    async fn funded(&self) -> Order {
        let used = self.world.used_nonces().await;
        let (order, create) = self.world.order(PaymentMode::Dot).await;
        self.world.deliver(&[&create.id]).await;
        self.world.wait_for_nonces(used + 1).await;
        let (signer, at) = (key("Bob"), self.world.head().await);
        let fund = EscrowCall::Fund { order: OrderRef::of(order.id), amount: AMOUNT };
        let (account, contract) = (signer.account(), &self.poller.contract);
        let dry_run = contract.dry_run(&at, &fund, &account, deadline()).await.unwrap();
        let nonce = self.world.chain.next_nonce(&account, deadline()).await.unwrap();
        let extrinsic = contract.sign(&at, &fund, &dry_run, &signer, nonce, 64).unwrap();
        self.world.chain.submit(&extrinsic.bytes, deadline()).await.unwrap();
        while self.world.head().await.nonce(&account, deadline()).await.unwrap() == nonce {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        let row = self.reach(&order, OrderStatus::Funded).await;
        let hash = format!("0x{}", hex::encode(extrinsic.hash));
        let line = row.history.last().unwrap();
        assert_eq!(
            (row.status, line.extrinsic.as_deref(), row.pending),
            (OrderStatus::Funded, Some(hash.as_str()), None)
        );
        assert_eq!(self.held(&order).await, i128::try_from(AMOUNT.0).unwrap());
        order
    }

    /// A move as the API asks for it, carried out by the oracle, and read back.
    async fn carry_out(
        &self,
        order: &Order,
        action: OrderMove,
        command: Command,
        by: Account,
        status: OrderStatus,
    ) -> Order {
        let used = self.world.used_nonces().await;
        let command = ChainCommand::new(order.id, command, Timestamp::now());
        let mut next = self.row(order).await;
        next.version += 1;
        let (command_id, by) = (command.id.clone(), Some(by));
        next.pending = Some(PendingAction { action, command_id, by, at: Timestamp::now() });
        let requested = self.world.db.store.orders().request_move(&next, &command, None).await.unwrap();
        assert_eq!(requested, Requested::Done);
        assert_eq!(self.world.deliver(&[&command.id]).await, Vec::<String>::new());
        self.world.wait_for_nonces(used + 1).await;
        self.reach(order, status).await
    }

    async fn free(&self, name: &str) -> Planck {
        self.world.head().await.free_balance(&key(name).account(), deadline()).await.unwrap()
    }

    /// What the books say the contract holds of an order.
    async fn held(&self, order: &Order) -> i128 {
        let book = self.world.db.store.ledger().of_order(order.id).await.unwrap();
        assert_eq!(book.iter().map(|entry| entry.amount.0).sum::<i128>(), 0);
        assert!(book.iter().all(|entry| entry.unit == Unit::Planck), "{book:?}");
        book.iter().filter(|entry| entry.account == LedgerAccount::Escrow).map(|entry| entry.amount.0).sum()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_contract_pays_the_seller_when_the_buyer_has_the_goods() {
    let market = Market::open().await;
    let order = market.funded().await;
    let ship = Command::MarkShipped { tracking_cid: "bafytracking".into() };
    let shipped = market.carry_out(&order, OrderMove::Ship, ship, seller(), OrderStatus::Shipped).await;
    assert!(shipped.deadlines.inspection.is_some());
    let before = market.free("Charlie").await;
    let done =
        market.carry_out(&order, OrderMove::Deliver, Command::ConfirmDelivery, buyer(), OrderStatus::Completed).await;
    // Both at once: what the contract did in one extrinsic.
    let reached: Vec<_> = done.history.iter().map(|line| (line.status, line.by)).collect();
    let expected = [
        (OrderStatus::Funded, None),
        (OrderStatus::Shipped, Some(seller())),
        (OrderStatus::Delivered, Some(buyer())),
        (OrderStatus::Completed, None),
    ];
    assert_eq!(reached, expected);
    assert_eq!((done.pending, done.payout_id), (None, None));
    assert_eq!(market.free("Charlie").await, Planck(before.0 + AMOUNT.0));
    assert_eq!(market.held(&order).await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_given_up_after_payment_is_refunded_by_the_contract_and_its_pieces_are_for_sale_again() {
    let market = Market::open().await;
    let order = market.funded().await;
    let stock = async || market.world.db.store.products().get(order.product_id).await.unwrap().unwrap();
    assert_eq!(stock().await.quantity, 2);
    let before = market.free("Bob").await;
    let done = market.carry_out(&order, OrderMove::Cancel, Command::Cancel, seller(), OrderStatus::Cancelled).await;
    assert_eq!((done.pending, done.refund_id), (None, None));
    assert_eq!(market.free("Bob").await, Planck(before.0 + AMOUNT.0));
    assert_eq!(market.held(&order).await, 0);
    let stock = stock().await;
    assert_eq!((stock.quantity, stock.status), (3, ProductStatus::Active));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dispute_is_paid_out_by_the_contract_as_it_was_decided() {
    let market = Market::open().await;
    for (resolution, to_seller) in [
        (DisputeResolution::RefundBuyer, 0),
        (DisputeResolution::ReleaseToSeller, AMOUNT.0),
        (DisputeResolution::Split { seller_bps: 3_333.try_into().unwrap() }, AMOUNT.split(3_333).unwrap().seller.0),
    ] {
        let order = market.funded().await;
        let raise = Command::RaiseDispute { evidence_cid: "bafyevidence".into() };
        let disputed = market.carry_out(&order, OrderMove::Dispute, raise, buyer(), OrderStatus::Disputed).await;
        assert!(disputed.deadlines.evidence.is_some());
        let (buyers, sellers) = (market.free("Bob").await, market.free("Charlie").await);
        let resolve = Command::ResolveDispute { resolution };
        let admin = key("Ferdie").account();
        let done = market.carry_out(&order, OrderMove::Resolve, resolve, admin, OrderStatus::Resolved).await;
        assert_eq!(
            (done.status, done.payout_id, done.refund_id),
            (OrderStatus::Resolved, None, None),
            "{resolution:?}"
        );
        assert_eq!(market.free("Bob").await, Planck(buyers.0 + AMOUNT.0 - to_seller), "{resolution:?}");
        assert_eq!(market.free("Charlie").await, Planck(sellers.0 + to_seller), "{resolution:?}");
        assert_eq!(market.held(&order).await, 0, "{resolution:?}");
    }
}
