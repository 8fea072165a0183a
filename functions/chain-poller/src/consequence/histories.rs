//! Random legal histories of an order: whatever the parties, the contract and M-Pesa do, the books balance after every step and
//! nothing is paid twice.

use descrow_chain::{Address, OrderRef};
use descrow_domain::{
    Kes, Planck,
    command::Command,
    dispute::{Bps, DisputeResolution},
    ledger::{LedgerAccount, LedgerEntry, Unit},
    order::Money,
    payment::{Decision, PaymentKind, PaymentStatus, ReviewReason},
};
use proptest::prelude::*;

use super::{
    tests::{AMOUNT, WINDOWS, found, order},
    *,
};

const NOW: Timestamp = Timestamp(1_000_000);
const PRICE: Kes = Kes(1_500);

/// One thing that happens, where it can.
#[derive(Clone, Copy, Debug)]
enum Step {
    /// The buyer's phone rings.
    Push,
    /// The buyer declines.
    Decline,
    /// The buyer pays: the push that rings, or one that was thought to be over.
    Pay,
    /// The contract records the payment, or takes the DOT in: from a wallet it does so for any order.
    Fund {
        held: bool,
    },
    Ship,
    Deliver,
    /// A party disputes through us, which stops a payout that is queued.
    AskDispute,
    /// The contract hears of a dispute: ours, or one of a party's own wallet.
    Dispute,
    Resolve(u16),
    Cancel,
    /// M-Pesa carries out the payout or refund that has waited for longest.
    Settle,
    /// M-Pesa refuses it.
    Fail,
    /// Another attempt is made of what failed, where it is still owed: at once, or long after.
    Again,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        2 => Just(Step::Push),
        1 => Just(Step::Decline),
        3 => Just(Step::Pay),
        4 => any::<bool>().prop_map(|held| Step::Fund { held }),
        4 => Just(Step::Ship),
        4 => Just(Step::Deliver),
        2 => Just(Step::AskDispute),
        2 => Just(Step::Dispute),
        3 => prop_oneof![Just(0), Just(10_000), 1u16..10_000].prop_map(Step::Resolve),
        1 => Just(Step::Cancel),
        2 => Just(Step::Settle),
        2 => Just(Step::Fail),
        2 => Just(Step::Again),
    ]
}

/// What really moved of one unit.
#[derive(Clone, Copy, Debug, Default)]
struct Flow {
    paid_in: i128,
    to_seller: i128,
    to_buyer: i128,
}

/// Everything there is: our rows, the contract, and who really has how much.
struct World {
    order: Order,
    /// Where the contract has the order.
    contract: OrderStatus,
    /// Whether the contract has the order's money.
    held: bool,
    payments: Vec<Payment>,
    book: Vec<LedgerEntry>,
    kes: Flow,
    planck: Flow,
    /// The event that came last, to be read again.
    last: Option<EscrowEvent>,
}

impl World {
    fn new(mode: PaymentMode) -> Self {
        let order = Order { on_chain: true, ..order(OrderStatus::Created, mode) };
        Self {
            order,
            contract: OrderStatus::Created,
            held: false,
            payments: Vec::new(),
            book: Vec::new(),
            kes: Flow::default(),
            planck: Flow::default(),
            last: None,
        }
    }

    fn by_phone(&self) -> bool {
        self.order.payment_mode == PaymentMode::Mpesa
    }

    fn find(&self, id: Option<descrow_domain::PaymentId>) -> Option<Payment> {
        self.payments.iter().find(|payment| Some(payment.id) == id).cloned()
    }

    /// An event reaches us, and changes what it changes in one transaction.
    fn read(&mut self, event: EscrowEvent) {
        let payment = self.find(self.order.payment_id);
        let entry = self.order.payment_id.map(ledger::collection_entry_id);
        let facts = Facts {
            seller_phone: "254708374149".parse().ok(),
            payment,
            booked: self.book.iter().any(|line| Some(&line.entry_id) == entry.as_ref()),
            payout: self.find(self.order.payout_id),
            product: None,
        };
        let found = found(event.clone());
        let Consequence::Change(change) = consequence(&self.order, &found, &facts, WINDOWS, NOW) else { return };
        for new in change.payments {
            assert!(self.payments.iter().all(|old| old.id != new.id), "a payment is committed once");
            self.payments.push(new);
        }
        if let Some(taken_back) = change.withdraw {
            let old = self.payments.iter_mut().find(|payment| payment.id == taken_back.id).unwrap();
            assert_eq!(old.status, PaymentStatus::Queued);
            *old = taken_back;
        }
        self.book.extend(change.ledger.into_iter().flatten());
        self.order = change.order;
        self.last = Some(event);
    }

    fn happen(&mut self, step: Step) {
        use OrderStatus::{Cancelled, Completed, Created, Delivered, Disputed, Funded, Resolved, Shipped};
        let reference = OrderRef::of(self.order.id);
        let amount = i128::try_from(AMOUNT.0).unwrap();
        match step {
            Step::Push if self.by_phone() => self.push(),
            Step::Decline => self.decline(),
            Step::Pay if self.by_phone() => self.pay(),
            Step::Fund { held } if self.contract == Created && (held || self.is_recordable()) => {
                if held {
                    self.planck.paid_in += amount;
                }
                (self.contract, self.held) = (Funded, held);
                let payment = (!held).then_some([9; 32]);
                self.read(EscrowEvent::OrderFunded { order: reference, amount: AMOUNT, held, payment });
            }
            Step::Ship if self.contract == Funded => {
                self.contract = Shipped;
                self.read(EscrowEvent::OrderShipped { order: reference, tracking_cid: "bafy".into() });
            }
            Step::Deliver if self.contract == Shipped => {
                self.contract = Delivered;
                self.read(EscrowEvent::OrderDelivered { order: reference });
                if self.held {
                    self.contract = Completed;
                    self.planck.to_seller += amount;
                    self.read(EscrowEvent::OrderCompleted { order: reference, paid: AMOUNT });
                }
            }
            Step::AskDispute => self.ask_dispute(),
            Step::Dispute if matches!(self.contract, Funded | Shipped | Delivered) => {
                self.contract = Disputed;
                let by = Address::of(&self.order.buyer_id);
                self.read(EscrowEvent::DisputeRaised { order: reference, by, evidence_cid: String::new() });
            }
            Step::Resolve(bps) if self.contract == Disputed => {
                self.contract = Resolved;
                let split = DisputeResolution::Split { seller_bps: Bps::try_from(bps).unwrap() }.planck(AMOUNT);
                if self.held {
                    self.planck.to_buyer += i128::try_from(split.buyer.0).unwrap();
                    self.planck.to_seller += i128::try_from(split.seller.0).unwrap();
                }
                let (to_buyer, to_seller) = (split.buyer, split.seller);
                self.read(EscrowEvent::DisputeResolved { order: reference, to_buyer, to_seller });
            }
            Step::Cancel if matches!(self.contract, Created | Funded) => {
                let refunded = if self.held { AMOUNT } else { Planck(0) };
                self.contract = Cancelled;
                self.planck.to_buyer += i128::try_from(refunded.0).unwrap();
                self.read(EscrowEvent::OrderCancelled { order: reference, refunded });
            }
            Step::Settle => self.settle(),
            Step::Fail => self.fail(),
            Step::Again => self.again(),
            _ => {}
        }
    }

    /// Whether there is a payment that the contract may be told of.
    fn is_recordable(&self) -> bool {
        self.find(self.order.payment_id).is_some_and(|p| p.status == PaymentStatus::Succeeded)
    }

    /// `begin_payment`, on its conditions.
    fn push(&mut self) {
        let over = |payment: &Payment| payment.new_push_allowed_at().is_some();
        let next = self.find(self.order.payment_id).is_none_or(|payment| over(&payment));
        if self.order.status == OrderStatus::Created && self.order.pending.is_none() && next {
            let (order, buyer) = (self.order.id, self.order.buyer_id);
            let payment = Payment::collection(order, buyer, "254711111111".parse().unwrap(), PRICE, NOW);
            self.order.payment_id = Some(payment.id);
            self.payments.push(payment);
        }
    }

    fn decline(&mut self) {
        let open = |payment: &&mut Payment| payment.status == PaymentStatus::Initiated;
        if let Some(payment) = self.payments.iter_mut().find(open) {
            *payment = payment.after(Decision::Fail, NOW).unwrap();
        }
    }

    /// `settle_collection`, or `give_back` where the order cannot take it: of the push that rings, else of one that was declined.
    fn pay(&mut self) {
        let collection =
            |wanted| self.payments.iter().position(|p| p.kind == PaymentKind::Collection && p.status == wanted);
        let Some(n) = collection(PaymentStatus::Initiated).or_else(|| collection(PaymentStatus::Failed)) else {
            return;
        };
        let payment = self.payments[n].clone();
        self.kes.paid_in += i128::from(PRICE.0);
        self.book.extend(ledger::collection_received(self.order.id, payment.id, PRICE, NOW));
        let waits = self.order.status == OrderStatus::Created && self.order.pending.is_none();
        // A payment that came is pending on the order until the contract has heard of it.
        if waits && !self.is_recordable() {
            self.order.payment_id = Some(payment.id);
            self.payments[n] = payment.after(Decision::Succeed, NOW).unwrap();
        } else {
            let reason = ReviewReason::SecondPayment;
            self.payments[n] = payment.after(Decision::Review { reason }, NOW).unwrap();
            self.payments.push(Payment::refund(&payment, 1, PRICE, NOW));
        }
    }

    fn ask_dispute(&mut self) {
        let payout = self.find(self.order.payout_id);
        let money = Money { payment: None, payout: payout.as_ref() };
        if self.order.may(descrow_domain::order::Actor::Buyer, OrderMove::Dispute, money).is_err() {
            return;
        }
        let by = Some(self.order.buyer_id);
        let command = Command::RaiseDispute { evidence_cid: String::new() };
        self.order = self.order.clone().asking(command, by, NOW).0;
        if let Some(taken_back) = payout.and_then(|payout| payout.withdrawn(NOW)) {
            let row = self.payments.iter_mut().find(|payment| payment.id == taken_back.id).unwrap();
            *row = taken_back;
        }
    }

    fn next_queued(&mut self) -> Option<&mut Payment> {
        self.payments.iter_mut().find(|payment| payment.status == PaymentStatus::Queued)
    }

    /// `settle_payout` and `settle_refund`.
    fn settle(&mut self) {
        let Some(payment) = self.next_queued() else { return };
        *payment = payment.after(Decision::Succeed, NOW).unwrap();
        let (id, kind, sum) = (payment.id, payment.kind, payment.amount_kes);
        if kind == PaymentKind::Refund {
            self.kes.to_buyer += i128::from(sum.0);
            self.book.extend(ledger::refund_sent(self.order.id, id, sum, NOW));
            return;
        }
        self.kes.to_seller += i128::from(sum.0);
        self.book.extend(ledger::payout_sent(self.order.id, id, sum, NOW));
        if self.order.status == OrderStatus::Delivered {
            self.order.status = OrderStatus::Completed;
            self.order.history.push(Transition {
                status: OrderStatus::Completed,
                at: NOW,
                by: None,
                extrinsic: None,
                block: None,
            });
        }
    }

    fn fail(&mut self) {
        let Some(payment) = self.next_queued() else { return };
        *payment = payment.after(Decision::Fail, NOW).unwrap();
    }

    /// `Payment::again` and `retry`, on its conditions, for everything that failed and has no attempt after it.
    fn again(&mut self) {
        for failed in self.payments.clone() {
            let again = failed.again(None, NOW);
            if let Some(again) = again.filter(|again| self.find(Some(again.id)).is_none()) {
                self.retry(&failed, again);
            }
        }
    }

    fn retry(&mut self, failed: &Payment, again: Payment) {
        let decision = self.order.dispute.as_ref().and_then(|dispute| dispute.decision.as_ref());
        let owes = match self.order.status {
            OrderStatus::Delivered => self.order.pending.is_none(),
            OrderStatus::Resolved => decision.is_some_and(|decision| decision.kes_to_seller == failed.amount_kes),
            _ => false,
        };
        let (refund, payout) = (self.order.refund_id, self.order.payout_id);
        if failed.kind == PaymentKind::Payout {
            if !owes || payout != Some(failed.id) {
                return;
            }
            self.order.payout_id = Some(again.id);
        } else if refund == Some(failed.id) {
            self.order.refund_id = Some(again.id);
        }
        self.payments.push(again);
    }

    fn held(&self, unit: Unit) -> i128 {
        let escrow = |e: &&LedgerEntry| e.account == LedgerAccount::Escrow && e.unit == unit;
        self.book.iter().filter(escrow).map(|e| e.amount.0).sum()
    }

    fn check(&self) {
        for (unit, flow) in [(Unit::Kes, self.kes), (Unit::Planck, self.planck)] {
            let entries = self.book.iter().filter(|entry| entry.unit == unit);
            assert_eq!(entries.map(|entry| entry.amount.0).sum::<i128>(), 0);
            assert_eq!(self.held(unit), flow.paid_in - flow.to_seller - flow.to_buyer, "in = out + held, {unit:?}");
            assert!(self.held(unit) >= 0, "nothing is paid out that did not come in: {unit:?}");
        }
        let planck = i128::try_from(AMOUNT.0).unwrap();
        let prices = (self.kes.to_seller <= i128::from(PRICE.0), self.planck.to_seller <= planck);
        assert_eq!(prices, (true, true), "the seller is paid once");
        assert!(self.kes.to_seller == 0 || self.planck.to_seller == 0, "and in one unit");
        if self.held || !self.by_phone() {
            assert!(self.payments.iter().all(|p| p.kind != PaymentKind::Payout), "the contract pays its seller itself");
        }
        let owed: i128 = self
            .payments
            .iter()
            .filter(|p| p.status == PaymentStatus::Queued)
            .map(|p| i128::from(p.amount_kes.0))
            .sum();
        let held = self.held(Unit::Kes);
        assert!(owed <= held, "no more is owed than is held: {owed} of {held}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn the_books_balance_after_every_step_and_nothing_is_paid_twice(
        by_phone: bool,
        steps in prop::collection::vec((step(), any::<bool>()), 1..40),
    ) {
        let mut world = World::new(if by_phone { PaymentMode::Mpesa } else { PaymentMode::Dot });
        for (step, again) in steps {
            world.happen(step);
            world.check();
            if let (true, Some(event)) = (again, world.last.clone()) {
                let (order, payments, book) = (world.order.clone(), world.payments.clone(), world.book.clone());
                world.read(event);
                prop_assert_eq!((&world.order, &world.payments, &world.book), (&order, &payments, &book), "read again");
            }
        }
        // Everything that is owed is paid in the end; what is over leaves nothing held.
        for _ in 0..60 {
            world.again();
            world.settle();
            world.check();
        }
        if world.order.status.is_final() {
            let gave_up = world.payments.iter().any(|p| p.status == PaymentStatus::Failed && p.attempt() == Some(9));
            let held = (world.held(Unit::Kes), world.held(Unit::Planck));
            prop_assert!(held == (0, 0) || gave_up && held.1 == 0, "{:?} holds {held:?}", world.order.status);
        }
    }
}
