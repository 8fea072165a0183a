//! Orders paid by phone that the parties' own wallets and the arbiter move on the contract, without a command of ours: the money
//! follows the events all the same, and an event that is read twice moves it once.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test stops at what it did not expect")]

#[path = "../../oracle-submitter/tests/world/mod.rs"]
mod world;

use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;
use chain_poller::{Poller, consequence::Windows};
use descrow_chain::{Connector, EscrowCall, OrderRef, Resolution, local_chain::Blocks};
use descrow_domain::{
    Kes, Timestamp,
    command::CommandKind,
    dispute::{Bps, DisputeResolution},
    ledger::{LedgerAccount, LedgerEntry, Unit},
    order::{Order, OrderStatus, PaymentMode},
    payment::{Decision, OrderFooting, Payment, PaymentKind, PaymentStatus, ReviewReason},
    product::ProductStatus,
    user::{KycStatus, Role, User},
};
use descrow_platform::Deadline;
use descrow_store::{Begun, Replaced, Settled, testing::sample};
use world::{AMOUNT, World, deadline, seller};

const WINDOWS: Windows = Windows { shipping: 604_800, inspection: 259_200, evidence: 259_200 };
const PRICE: Kes = Kes(2_719);
const BUYER_PHONE: &str = "254711000002";

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
        let now = Timestamp::now();
        let user = User {
            kyc_status: KycStatus::Verified,
            phone: Some("254708374149".parse().unwrap()),
            ..sample::user(seller(), Role::Seller, now)
        };
        assert_eq!(world.db.store.users().create(&user).await.unwrap(), None);
        Self { world, poller }
    }

    /// An order to be paid by phone, on the contract.
    async fn ordered(&self) -> Order {
        let used = self.world.used_nonces().await;
        let (order, create) = self.world.order(PaymentMode::Mpesa).await;
        self.world.deliver(&[&create.id]).await;
        self.world.wait_for_nonces(used + 1).await;
        order
    }

    /// A push for `order`, as `pay/mpesa` commits it.
    async fn pushed(&self, order: &Order) -> Payment {
        let now = Timestamp::now();
        let payment = Payment::collection(order.id, order.buyer_id, BUYER_PHONE.parse().unwrap(), PRICE, now);
        let orders = self.world.db.store.orders();
        let row = orders.get(order.id).await.unwrap().unwrap();
        let next = Order { payment_id: Some(payment.id), version: row.version + 1, ..row.clone() };
        let begun = orders.begin_payment(&next, &payment, row.payment_id, None, now).await;
        assert_eq!(begun, Ok(Begun::Done));
        payment
    }

    /// `payment` after the buyer's PIN.
    async fn paid(&self, payment: &Payment) -> Payment {
        let paid = payment.after(Decision::Succeed, Timestamp::now()).unwrap();
        assert_eq!(self.world.db.store.payments().settle_collection(&paid).await, Ok(Settled::Done));
        paid
    }

    /// An order whose payment by phone is settled and on the contract.
    async fn funded(&self) -> (Order, Payment) {
        let used = self.world.used_nonces().await;
        let order = self.ordered().await;
        let paid = self.paid(&self.pushed(&order).await).await;
        self.world.deliver(&[&CommandKind::RecordPayment.id(order.id)]).await;
        self.world.wait_for_nonces(used + 2).await;
        let row = self.reach(&order, OrderStatus::Funded).await;
        assert_eq!(row.funded_by, Some(PaymentMode::Mpesa));
        (order, paid)
    }

    /// The buyer pays the order from a wallet, whatever it was meant to be paid by.
    async fn fund(&self, order: &Order) {
        let fund = EscrowCall::Fund { order: OrderRef::of(order.id), amount: AMOUNT };
        let row = self.says("Bob", fund, order, OrderStatus::Funded).await;
        assert_eq!((row.payment_mode, row.funded_by), (PaymentMode::Mpesa, Some(PaymentMode::Dot)));
    }

    /// `who` tells the contract, from a wallet of its own; and the poller reads it.
    async fn says(&self, who: &str, call: EscrowCall, order: &Order, status: OrderStatus) -> Order {
        self.world.tell(who, &call).await;
        self.reach(order, status).await
    }

    async fn reach(&self, order: &Order, status: OrderStatus) -> Order {
        let patience = deadline();
        loop {
            self.poller.follow(Deadline::after(Duration::from_secs(3))).await.unwrap().unwrap();
            let row = self.world.db.store.orders().get(order.id).await.unwrap().unwrap();
            if row.status == status {
                return row;
            }
            assert!(patience.allows(Duration::from_secs(3)), "{} and not {}", row.status.as_str(), status.as_str());
        }
    }

    /// Reads everything once more from the beginning, as if no cursor had ever been stored.
    async fn read_again(&self) {
        let id = AttributeValue::S(format!("cursor#{}", self.poller.contract.address));
        self.world.db.client.delete_item().table_name("test-chain_state").key("id", id).send().await.unwrap();
        let again = self.poller.follow(Deadline::after(Duration::from_secs(4))).await.unwrap().unwrap();
        assert!(again.events >= 3, "{again:?}");
    }

    /// Payouts and refunds of an order: kind, amount, phone and status, in a fixed order.
    async fn owed(&self, order: &Order) -> Vec<(PaymentKind, Kes, String, PaymentStatus)> {
        let rows = self.world.db.store.payments().of_order(order.id).await.unwrap();
        let mut rows: Vec<_> = rows
            .into_iter()
            .filter(|row| row.kind != PaymentKind::Collection)
            .map(|row| (row.kind, row.amount_kes, row.phone.digits().to_owned(), row.status))
            .collect();
        rows.sort_by_key(|row| (row.0 == PaymentKind::Refund, row.1));
        rows
    }

    async fn held(&self, order: &Order) -> i128 {
        self.held_in(order, Unit::Kes).await
    }

    async fn held_in(&self, order: &Order, unit: Unit) -> i128 {
        let book = self.world.db.store.ledger().of_order(order.id).await.unwrap();
        let escrow = |entry: &&LedgerEntry| entry.account == LedgerAccount::Escrow && entry.unit == unit;
        book.iter().filter(escrow).map(|entry| entry.amount.0).sum()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_by_phone_that_is_paid_from_a_wallet_owes_its_seller_no_shillings() {
    let market = Market::open().await;
    let ours = market.ordered().await;
    market.fund(&ours).await;
    assert_eq!(market.held_in(&ours, Unit::Planck).await, i128::try_from(AMOUNT.0).unwrap());
    let order = OrderRef::of(ours.id);
    let ship = EscrowCall::MarkShipped { order, tracking_cid: "bafytracking".into() };
    market.says("Charlie", ship, &ours, OrderStatus::Shipped).await;
    let done = market.says("Bob", EscrowCall::ConfirmDelivery { order }, &ours, OrderStatus::Completed).await;
    assert_eq!((done.payout_id, done.refund_id), (None, None));
    for _ in 0..2 {
        assert_eq!(market.owed(&ours).await, [], "the contract paid the seller");
        assert_eq!((market.held(&ours).await, market.held_in(&ours, Unit::Planck).await), (0, 0));
        market.read_again().await;
    }
}

/// What becomes of the push of an order that its buyer pays from a wallet as well.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Push {
    Declined,
    PaidBefore,
    PaidAfter,
}

#[tokio::test(flavor = "multi_thread")]
async fn shillings_beside_a_payment_from_a_wallet_go_back_once_where_they_came_and_not_where_they_did_not() {
    let market = Market::open().await;
    let payments = market.world.db.store.payments();
    let mut cases = Vec::new();
    for push in [Push::Declined, Push::PaidBefore, Push::PaidAfter] {
        let ours = market.ordered().await;
        let payment = market.pushed(&ours).await;
        let now = Timestamp::now();
        match push {
            Push::Declined => {
                let failed = payment.after(Decision::Fail, now).unwrap();
                assert_eq!(payments.replace(&failed).await, Ok(Replaced::Done));
            }
            // Settled, and the command that tells the contract is slower than the wallet.
            Push::PaidBefore => {
                market.paid(&payment).await;
            }
            Push::PaidAfter => {}
        }
        market.fund(&ours).await;
        if push == Push::PaidAfter {
            let row = market.world.db.store.orders().get(ours.id).await.unwrap().unwrap();
            assert_eq!(OrderFooting::of(&row), OrderFooting::Paid);
            let second = payment.after(Decision::Review { reason: ReviewReason::SecondPayment }, now).unwrap();
            let refund = Payment::refund(&second, 1, PRICE, now);
            assert_eq!(payments.give_back(&second, &refund).await, Ok(Settled::Done));
        }
        let cancel = EscrowCall::Cancel { order: OrderRef::of(ours.id) };
        let done = market.says("Charlie", cancel, &ours, OrderStatus::Cancelled).await;
        assert_eq!(done.refund_id, None, "{push:?}: the contract gave the order's own money back");
        let came = push != Push::Declined;
        let back = came.then(|| (PaymentKind::Refund, PRICE, BUYER_PHONE.to_owned(), PaymentStatus::Queued));
        cases.push((push, ours, Vec::from_iter(back), if came { i128::from(PRICE.0) } else { 0 }));
    }
    for _ in 0..2 {
        for (push, ours, back, held) in &cases {
            assert_eq!(market.owed(ours).await, *back, "{push:?}");
            let balances = (market.held(ours).await, market.held_in(ours, Unit::Planck).await);
            assert_eq!(balances, (*held, 0), "{push:?}");
        }
        market.read_again().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_paid_order_that_its_seller_gives_up_on_the_contract_owes_the_buyer_the_price_and_frees_its_piece_once() {
    let market = Market::open().await;
    let (order, paid) = market.funded().await;
    let stock = async || market.world.db.store.products().get(order.product_id).await.unwrap().unwrap();
    assert_eq!(stock().await.quantity, 2);
    let cancel = EscrowCall::Cancel { order: OrderRef::of(order.id) };
    let done = market.says("Charlie", cancel, &order, OrderStatus::Cancelled).await;
    assert_eq!(done.refund_id, Some(Payment::refund(&paid, 1, PRICE, Timestamp(0)).id));
    let expected = [(PaymentKind::Refund, PRICE, BUYER_PHONE.to_owned(), PaymentStatus::Queued)];
    for _ in 0..2 {
        assert_eq!(market.owed(&order).await, expected);
        let stock = stock().await;
        assert_eq!((stock.quantity, stock.status), (3, ProductStatus::Active));
        assert_eq!(market.held(&order).await, i128::from(PRICE.0), "until M-Pesa has sent it");
        market.read_again().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dispute_from_a_wallet_stops_the_payout_and_the_arbiters_word_on_the_contract_divides_the_price_once() {
    let market = Market::open().await;
    let (ours, _) = market.funded().await;
    let order = OrderRef::of(ours.id);
    let ship = EscrowCall::MarkShipped { order, tracking_cid: "bafytracking".into() };
    market.says("Charlie", ship, &ours, OrderStatus::Shipped).await;
    let delivered = market.says("Bob", EscrowCall::ConfirmDelivery { order }, &ours, OrderStatus::Delivered).await;
    let first = market.world.db.store.payments().get(delivered.payout_id.unwrap()).await.unwrap().unwrap();
    assert_eq!((first.status, first.amount_kes), (PaymentStatus::Queued, PRICE));
    let dispute = EscrowCall::RaiseDispute { order, evidence_cid: "bafyevidence".into() };
    let disputed = market.says("Bob", dispute, &ours, OrderStatus::Disputed).await;
    let dispute = disputed.dispute.unwrap();
    assert_eq!((dispute.by, dispute.evidence_cid.as_str()), (Some(ours.buyer_id), "bafyevidence"));
    // The sender that read the payout before is too late.
    let sending = Payment { status: PaymentStatus::Sending, version: first.version + 1, ..first.clone() };
    let claimed = market.world.db.store.payments().replace(&sending).await.unwrap();
    assert!(matches!(claimed, Replaced::Stale(Some(now)) if now.status == PaymentStatus::Withdrawn));
    let resolve = EscrowCall::ResolveDispute { order, resolution: Resolution::Split { seller_bps: 2_500 } };
    let done = market.says("Alice", resolve, &ours, OrderStatus::Resolved).await;
    let split = DisputeResolution::Split { seller_bps: Bps::try_from(2_500).unwrap() }.shillings(PRICE);
    assert_eq!((split.seller, split.buyer), (Kes(679), Kes(2_040)));
    let sellers_phone = first.phone.digits().to_owned();
    let expected = [
        (PaymentKind::Payout, split.seller, sellers_phone.clone(), PaymentStatus::Queued),
        (PaymentKind::Payout, PRICE, sellers_phone, PaymentStatus::Withdrawn),
        (PaymentKind::Refund, split.buyer, BUYER_PHONE.to_owned(), PaymentStatus::Queued),
    ];
    for _ in 0..2 {
        assert_eq!(market.owed(&ours).await, expected);
        assert_eq!(market.held(&ours).await, i128::from(PRICE.0));
        let row = market.world.db.store.orders().get(ours.id).await.unwrap().unwrap();
        assert_eq!((row.status, row.payout_id, row.refund_id), (OrderStatus::Resolved, done.payout_id, done.refund_id));
        market.read_again().await;
    }
}
