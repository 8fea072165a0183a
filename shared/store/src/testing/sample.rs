//! Rows to begin a test with. What a test is about it says itself, by struct update.

#![allow(clippy::expect_used, reason = "a test has nothing else to do where its own constants are wrong")]

use descrow_domain::{
    Account, Kes, OrderId, Planck, ProductId, Timestamp, UsdCents,
    command::{ChainCommand, Command},
    order::{Deadlines, Order, OrderStatus, PaymentMode, Transition},
    product::{Product, ProductStatus},
    rates::{Quote, Rates},
    user::{KycStatus, Role, User},
};

use super::TestStore;
use crate::{Created, SellerTerms};

/// A user of `role` without a phone or documents.
#[must_use]
pub fn user(id: Account, role: Role, now: Timestamp) -> User {
    User {
        id,
        role,
        kyc_status: KycStatus::Pending,
        phone: None,
        display_name: None,
        email: None,
        kyc: None,
        auth_version: 1,
        created_at: now,
        updated_at: now,
    }
}

/// One piece of `seller`'s for 12.5 DOT or 52.50 dollars, on sale.
///
/// # Panics
/// Never.
#[must_use]
pub fn product(seller: Account, now: Timestamp) -> Product {
    Product {
        id: ProductId::new(),
        seller_id: seller,
        title: "A bicycle".parse().expect("a title"),
        description: "Two wheels.".parse().expect("a description"),
        category: "vehicles".parse().expect("a category"),
        price_dot: Planck(125_000_000_000),
        price_usd: UsdCents(5_250),
        images: Vec::new(),
        metadata_cid: None,
        quantity: 1,
        status: ProductStatus::Active,
        version: 1,
        created_at: now,
        updated_at: now,
    }
}

/// `buyer`'s order of one piece, to be paid by M-Pesa: as its route makes it, without a deadline.
///
/// # Panics
/// Never.
#[must_use]
pub fn order(product: &Product, buyer: Account, now: Timestamp) -> Order {
    let rates =
        Rates { usd_per_dot: 4_20_000_000, kes_per_usd: 129_45_000_000, source: "configuration".to_owned(), at: now };
    Order {
        id: OrderId::new(),
        buyer_id: buyer,
        seller_id: product.seller_id,
        product_id: product.id,
        product_title: product.title.clone(),
        quantity: 1,
        payment_mode: PaymentMode::Mpesa,
        status: OrderStatus::Created,
        quote: Quote { amount: product.price_dot, usd: product.price_usd, kes: Kes(1_500), rates },
        delivery_address: "Moi Avenue 1, Nairobi".parse().expect("an address"),
        phone: None,
        payment_id: None,
        payout_id: None,
        refund_id: None,
        funded_by: None,
        dot_payment: None,
        dispute: None,
        pending: None,
        on_chain: false,
        tracking: None,
        deadlines: Deadlines::default(),
        history: vec![Transition {
            status: OrderStatus::Created,
            at: now,
            by: Some(buyer),
            extrinsic: None,
            block: None,
        }],
        version: 1,
        created_at: now,
        updated_at: now,
    }
}

/// The command that brings `order` onto the contract.
#[must_use]
pub fn create_command(order: &Order) -> ChainCommand {
    let command = Command::CreateOrder {
        buyer: order.buyer_id,
        seller: order.seller_id,
        amount: order.quote.amount,
        metadata_cid: String::new(),
    };
    ChainCommand::new(order.id, command, order.created_at)
}

impl TestStore {
    /// Lists `product`, and commits `order` of it as its route does: the pieces taken, the command queued. Gives the command.
    ///
    /// # Panics
    /// Where one of them cannot be written.
    pub async fn commit(&self, order: &Order, product: &Product) -> ChainCommand {
        assert!(self.store.products().create(product).await.expect("a product is written"), "the product is there");
        let command = create_command(order);
        let created = self.store.orders().create(order, product, &command, SellerTerms::default(), None).await;
        assert_eq!(created, Ok(Created::Done), "the order is not committed");
        command
    }
}
