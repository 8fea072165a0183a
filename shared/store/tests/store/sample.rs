//! Rows to test with.

use descrow_domain::{
    Account, Kes, OrderId, Planck, ProductId, Timestamp, UsdCents,
    command::{ChainCommand, Command},
    order::{Deadlines, Order, OrderMove, OrderStatus, PaymentMode, PendingAction, Transition},
    payment::Payment,
    product::{Product, ProductStatus},
    rates::{Quote, Rates},
    user::{KycStatus, Role, User},
};

pub(crate) const NOW: Timestamp = Timestamp(1_800_000_000_000);
pub(crate) const BUYER: Account = Account::from_bytes([1; 32]);
pub(crate) const SELLER: Account = Account::from_bytes([2; 32]);

pub(crate) fn later(seconds: i64) -> Timestamp {
    NOW.plus_seconds(seconds)
}

pub(crate) fn user(id: Account) -> User {
    User {
        id,
        role: Role::Seller,
        kyc_status: KycStatus::Pending,
        phone: Some("254708374149".parse().unwrap()),
        display_name: Some("Amina".parse().unwrap()),
        email: None,
        kyc: None,
        auth_version: 1,
        created_at: NOW,
        updated_at: NOW,
    }
}

pub(crate) fn product(quantity: u32, created: Timestamp) -> Product {
    Product {
        id: ProductId::new(),
        seller_id: SELLER,
        title: "A bicycle".parse().unwrap(),
        description: "Two wheels.".parse().unwrap(),
        category: "vehicles".parse().unwrap(),
        price_dot: Planck(u128::MAX),
        price_usd: UsdCents(5_250),
        images: vec!["bafy".into()],
        metadata_cid: None,
        quantity,
        status: ProductStatus::Active,
        version: 1,
        created_at: created,
        updated_at: created,
    }
}

pub(crate) fn order(product: &Product, created: Timestamp) -> Order {
    Order {
        id: OrderId::new(),
        buyer_id: BUYER,
        seller_id: product.seller_id,
        product_id: product.id,
        product_title: product.title.clone(),
        quantity: 1,
        payment_mode: PaymentMode::Mpesa,
        status: OrderStatus::Created,
        quote: Quote {
            amount: product.price_dot,
            usd: product.price_usd,
            kes: Kes(1_500),
            rates: Rates {
                usd_per_dot: 4_20_000_000,
                kes_per_usd: 129_45_000_000,
                source: "configuration".into(),
                at: NOW,
            },
        },
        delivery_address: "Moi Avenue 1, Nairobi".parse().unwrap(),
        phone: Some("254708374149".parse().unwrap()),
        payment_id: None,
        payout_id: None,
        refund_id: None,
        funded_by: None,
        dot_payment: None,
        dispute: None,
        pending: None,
        on_chain: false,
        tracking: None,
        deadlines: Deadlines { payment: Some(created.plus_seconds(1_800)), ..Deadlines::default() },
        history: vec![Transition {
            status: OrderStatus::Created,
            at: created,
            by: Some(BUYER),
            extrinsic: None,
            block: None,
        }],
        version: 1,
        created_at: created,
        updated_at: created,
    }
}

pub(crate) fn create_command(order: &Order) -> ChainCommand {
    let command = Command::CreateOrder {
        buyer: order.buyer_id,
        seller: order.seller_id,
        amount: order.quote.amount,
        metadata_cid: String::new(),
    };
    ChainCommand::new(order.id, command, order.created_at)
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
