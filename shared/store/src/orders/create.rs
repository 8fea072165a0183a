//! A new order, with everything that must exist as soon as it does.

use descrow_domain::{
    command::ChainCommand,
    order::{Order, order_ref},
    product::{Product, ProductStatus},
    user::{KycStatus, User},
};

use super::Orders;
use crate::{
    IdempotencyRecord, StoreError, Table,
    access::based_on,
    chain_state::OrderReference,
    error::Refused,
    expression::{Expression, expr, number},
    item::{attribute, id_key},
    products::moved,
    transaction::{Met, Write},
};

/// How often the stock is reserved anew when others changed it first: while there are more pieces than are ordered, buyers do
/// not stand in each other's way, so that only the last pieces, and pieces that come back, are tried for more than once.
const ATTEMPTS: u32 = 5;

/// What became of a new order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Created {
    /// It is there.
    Done,
    /// The product cannot be ordered like that any more: as it is now, or `None` when it is gone. Its price, its status or
    /// its stock differ from what the order was based on.
    Unavailable(Option<Box<Product>>),
    /// The seller has no number to be paid at.
    SellerWithoutPhone,
    /// Nobody checked who the seller is, and that is asked for.
    SellerUnverified,
    /// The same request was answered before.
    Replay(Box<IdempotencyRecord>),
}

/// What a seller must have for an order to be made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SellerTerms {
    /// A number to be paid at, for an order by M-Pesa.
    pub phone: bool,
    /// A verified identity.
    pub verified: bool,
}

impl Orders<'_> {
    /// Commits `order` for `product` as it was read: takes the pieces from the stock, commits the command that tells the
    /// contract, the reference under which the contract's events name the order, and the answer to the request; if the seller
    /// is on `terms` at that moment. A description that changed since the product was read is no obstacle, another price is.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn create(
        self,
        order: &Order,
        product: &Product,
        command: &ChainCommand,
        terms: SellerTerms,
        idempotency: Option<&IdempotencyRecord>,
    ) -> Result<Created, StoreError> {
        let mut stock = product.clone();
        for _ in 0..ATTEMPTS {
            if !sells(&stock, product, order.quantity) {
                return Ok(Created::Unavailable(Some(Box::new(stock))));
            }
            let mut writes = vec![
                reservation(&stock, order)?,
                Write::create(order, "id")?,
                Write::create(command, "id")?,
                Write::create(&OrderReference::new(order_ref(order.id), order.id), "id")?,
            ];
            let at_record = writes.len();
            if let Some(record) = idempotency {
                writes.push(record.write(order.created_at)?);
            }
            let at_seller = writes.len();
            writes.extend(on_terms(order, terms)?);
            let mut cancelled = match self.0.transact(&writes).await {
                Ok(()) => return Ok(Created::Done),
                Err(Refused::Store(error)) => return Err(error),
                Err(Refused::Condition(cancelled)) => cancelled,
            };
            if let Some(record) = idempotency.and_then(|_| cancelled.at(at_record)) {
                let record = record.row()?;
                return record.map(|r| Created::Replay(Box::new(r))).ok_or(StoreError::Contention(Table::Limits));
            }
            if let Some(seller) = cancelled.at(at_seller) {
                let reachable = seller.row::<User>()?.is_some_and(|seller| !terms.phone || seller.phone.is_some());
                return Ok(if reachable { Created::SellerUnverified } else { Created::SellerWithoutPhone });
            }
            match cancelled.at(0).map(Met::row).transpose()? {
                Some(Some(newer)) => stock = newer,
                Some(None) => return Ok(Created::Unavailable(None)),
                None => return Err(StoreError::Contention(Table::Orders)),
            }
        }
        Err(StoreError::Contention(Table::Products))
    }
}

/// The seller is on `terms` at the moment of the order.
fn on_terms(order: &Order, terms: SellerTerms) -> Result<Option<Write>, StoreError> {
    let phone = terms.phone.then(|| expr("attribute_exists(#phone)"));
    let verified = if terms.verified {
        let verified = attribute(Table::Users, &KycStatus::Verified)?;
        Some(expr("#kyc_status = :verified").with(":verified", verified))
    } else {
        None
    };
    let condition = phone.into_iter().chain(verified).reduce(Expression::and);
    let check = |condition| Write::Check { table: Table::Users, key: id_key(order.seller_id), condition };
    Ok(condition.map(check))
}

/// Whether `stock` still offers what the order was priced by.
fn sells(stock: &Product, priced: &Product, quantity: u32) -> bool {
    stock.status == ProductStatus::Active
        && stock.price_dot == priced.price_dot
        && stock.price_usd == priced.price_usd
        && stock.quantity >= quantity
        && quantity > 0
}

/// Takes the pieces from the stock. Where some are left, whatever other buyers do meanwhile leaves the order as good; the last
/// ones are taken from the product as it was read, since being sold moves it in the indexes.
fn reservation(stock: &Product, order: &Order) -> Result<Write, StoreError> {
    let change = expr("SET #quantity = #quantity - :pieces, #version = #version + :one, #updated_at = :now")
        .with(":pieces", number(order.quantity))
        .with(":one", number(1))
        .with(":now", number(order.created_at.0));
    let (change, condition) = if stock.quantity > order.quantity {
        let condition = expr("#status = :active AND #price_dot = :dot AND #price_usd = :usd AND #quantity > :pieces")
            .with(":active", attribute(Table::Products, &ProductStatus::Active)?)
            .with(":dot", attribute(Table::Products, &stock.price_dot)?)
            .with(":usd", attribute(Table::Products, &stock.price_usd)?);
        (change, condition)
    } else {
        (change.also(moved(stock, ProductStatus::Sold)), based_on(stock.version))
    };
    Ok(Write::Update { table: Table::Products, key: id_key(stock.id), change, condition })
}
