//! Rows to test with.

use descrow_domain::{
    Account, Planck, Timestamp,
    command::{ChainCommand, Command},
    order::{Deadlines, Order, OrderMove, PendingAction},
    payment::Payment,
    product::Product,
    user::{Role, User},
};
use descrow_store::testing::sample;
pub(crate) use descrow_store::testing::sample::create_command;

pub(crate) const NOW: Timestamp = Timestamp(1_800_000_000_000);
pub(crate) const BUYER: Account = Account::from_bytes([1; 32]);
pub(crate) const SELLER: Account = Account::from_bytes([2; 32]);

pub(crate) fn later(seconds: i64) -> Timestamp {
    NOW.plus_seconds(seconds)
}

pub(crate) fn user(id: Account) -> User {
    User {
        phone: Some("254708374149".parse().unwrap()),
        display_name: Some("Amina".parse().unwrap()),
        ..sample::user(id, Role::Seller, NOW)
    }
}

pub(crate) fn product(quantity: u32, created: Timestamp) -> Product {
    Product { price_dot: Planck(u128::MAX), images: vec!["bafy".into()], quantity, ..sample::product(SELLER, created) }
}

pub(crate) fn order(product: &Product, created: Timestamp) -> Order {
    Order {
        phone: Some("254708374149".parse().unwrap()),
        deadlines: Deadlines { payment: Some(created.plus_seconds(1_800)), ..Deadlines::default() },
        ..sample::order(product, BUYER, created)
    }
}

/// The order with a pending move, as a request makes it, and the move's command.
pub(crate) fn moving(order: &Order, action: OrderMove, command: Command) -> (Order, ChainCommand) {
    let command = ChainCommand::new(order.id, command, later(1));
    let pending = PendingAction { action, command_id: command.id.clone(), by: Some(SELLER), at: later(1) };
    let next = Order { pending: Some(pending), updated_at: later(1), version: order.version + 1, ..order.clone() };
    (next, command)
}

pub(crate) fn collection(order: &Order, created: Timestamp) -> Payment {
    let phone = "254708374149".parse().unwrap();
    Payment::collection(order.id, order.buyer_id, phone, order.quote.kes, created)
}

pub(crate) fn payout(order: &Order) -> Payment {
    let phone = "254711111111".parse().unwrap();
    Payment::payout(order.id, 1, order.seller_id, phone, order.quote.kes, NOW)
}

/// The next version of a payment.
pub(crate) fn touched(payment: &Payment, at: Timestamp) -> Payment {
    Payment { updated_at: at, version: payment.version + 1, ..payment.clone() }
}
