//! Several items in one round trip: what a request needs to know before it is decided.

use std::{collections::HashMap, time::Duration};

use aws_sdk_dynamodb::types::KeysAndAttributes;
use descrow_domain::{
    Account, OrderId, PaymentId, ProductId,
    command::ChainCommand,
    ledger::{self, LedgerEntry},
    order::Order,
    payment::Payment,
    product::Product,
    rates::CurrentRates,
    user::User,
};
use futures_util::{StreamExt, TryStreamExt, stream};
use uuid::Uuid;

use crate::{
    Family, IdempotencyRecord, Store, StoreError, Table,
    item::{Item, Row, decode, id_key},
    ledger::entry_key,
    sessions::family_key,
};

/// How often keys that DynamoDB left unprocessed are asked for again.
const ATTEMPTS: u32 = 4;
/// How many keys one request may ask for.
const KEYS: usize = 100;
/// How many such requests are under way at once.
const PARALLEL: usize = 8;

/// What to read. At most one item of each kind, and for users two.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wanted {
    /// The refresh family that an access token belongs to.
    pub family: Option<Uuid>,
    /// The user who asks.
    pub user: Option<Account>,
    /// Another user, such as the seller.
    pub other_user: Option<Account>,
    /// An order.
    pub order: Option<OrderId>,
    /// A product.
    pub product: Option<ProductId>,
    /// A payment.
    pub payment: Option<PaymentId>,
    /// A payout.
    pub payout: Option<PaymentId>,
    /// Whether the books have this collection of this order. They only grow: what they have, they keep.
    pub booked: Option<(OrderId, PaymentId)>,
    /// A command to the contract.
    pub command: Option<String>,
    /// An idempotency record, by [`IdempotencyRecord::id`].
    pub idempotency: Option<String>,
    /// The exchange rates.
    pub rates: bool,
}

/// What was found of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// The refresh family.
    pub family: Option<Family>,
    /// The user who asks.
    pub user: Option<User>,
    /// The other user.
    pub other_user: Option<User>,
    /// The order.
    pub order: Option<Order>,
    /// The product.
    pub product: Option<Product>,
    /// The payment.
    pub payment: Option<Payment>,
    /// The payout.
    pub payout: Option<Payment>,
    /// Whether the books have the collection.
    pub booked: bool,
    /// The command.
    pub command: Option<ChainCommand>,
    /// The idempotency record.
    pub idempotency: Option<IdempotencyRecord>,
    /// The exchange rates.
    pub rates: Option<CurrentRates>,
}

/// Keys by table, and what came back for them.
#[derive(Default)]
pub(crate) struct Batch {
    keys: Vec<(Table, Item)>,
    items: Vec<(Table, Item)>,
}

impl Batch {
    pub(crate) fn want(&mut self, table: Table, key: Option<Item>) {
        if let Some(key) = key
            && !self.keys.contains(&(table, key.clone()))
        {
            self.keys.push((table, key));
        }
    }

    /// What was found, in no order.
    pub(crate) fn into_items(self) -> Vec<(Table, Item)> {
        self.items
    }

    /// The row under `key`, where it was found.
    pub(crate) fn row<R: Row>(&self, key: Option<Item>) -> Result<Option<R>, StoreError> {
        let Some(key) = key else { return Ok(None) };
        let holds = |item: &Item| key.iter().all(|(name, value)| item.get(name) == Some(value));
        let item = self.items.iter().find(|(table, item)| *table == R::TABLE && holds(item));
        item.map(|(_, item)| decode(item.clone())).transpose()
    }
}

impl Store {
    /// Reads all rows under `keys` that are there, consistently and in parallel, however many they are; in no order.
    pub(crate) async fn read_all(&self, keys: &[(Table, Item)]) -> Result<Vec<(Table, Item)>, StoreError> {
        let read = |keys: Vec<(Table, Item)>| async move {
            let mut batch = Batch::default();
            for (table, key) in keys {
                batch.want(table, Some(key));
            }
            self.fill(&mut batch).await.map(|()| batch.into_items())
        };
        let requests: Vec<_> = keys.chunks(KEYS).map(|keys| read(keys.to_vec())).collect();
        let found: Vec<_> = stream::iter(requests).buffer_unordered(PARALLEL).try_collect().await?;
        Ok(found.into_iter().flatten().collect())
    }

    /// Reads all of `wanted` consistently, in one round trip.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn read_together(&self, wanted: &Wanted) -> Result<Found, StoreError> {
        let family = wanted.family.map(family_key);
        let user = wanted.user.map(id_key);
        let other_user = wanted.other_user.map(id_key);
        let order = wanted.order.map(id_key);
        let product = wanted.product.map(id_key);
        let payment = wanted.payment.map(id_key);
        let payout = wanted.payout.map(id_key);
        let booked = wanted.booked.map(|(order, payment)| entry_key(order, &ledger::collection_entry_id(payment)));
        let command = wanted.command.as_ref().map(id_key);
        let idempotency = wanted.idempotency.as_ref().map(id_key);
        let rates = wanted.rates.then(|| id_key(CurrentRates::ID));
        let mut batch = Batch::default();
        batch.want(Table::Sessions, family.clone());
        batch.want(Table::Users, user.clone());
        batch.want(Table::Users, other_user.clone());
        batch.want(Table::Orders, order.clone());
        batch.want(Table::Products, product.clone());
        batch.want(Table::MpesaTransactions, payment.clone());
        batch.want(Table::MpesaTransactions, payout.clone());
        batch.want(Table::Ledger, booked.clone());
        batch.want(Table::ChainCommands, command.clone());
        batch.want(Table::Limits, idempotency.clone());
        batch.want(Table::Rates, rates.clone());
        self.fill(&mut batch).await?;
        Ok(Found {
            family: batch.row(family)?,
            user: batch.row(user)?,
            other_user: batch.row(other_user)?,
            order: batch.row(order)?,
            product: batch.row(product)?,
            payment: batch.row(payment)?,
            payout: batch.row(payout)?,
            booked: batch.row::<LedgerEntry>(booked)?.is_some(),
            command: batch.row(command)?,
            idempotency: batch.row(idempotency)?,
            rates: batch.row(rates)?,
        })
    }

    /// The payments with these ids, in no order; at most 100.
    pub(crate) async fn payments_together(&self, ids: &[PaymentId]) -> Result<Vec<Payment>, StoreError> {
        let mut batch = Batch::default();
        for id in ids {
            batch.want(Table::MpesaTransactions, Some(id_key(id)));
        }
        self.fill(&mut batch).await?;
        batch.items.into_iter().map(|(_, item)| decode(item)).collect()
    }

    /// Reads the items of all keys, at most 100, consistently.
    pub(crate) async fn fill(&self, batch: &mut Batch) -> Result<(), StoreError> {
        let Some((first, _)) = batch.keys.first() else { return Ok(()) };
        let first = *first;
        let mut keys: HashMap<String, Vec<Item>> = HashMap::new();
        for (table, key) in &batch.keys {
            keys.entry(self.tables().name(*table)?.to_owned()).or_default().push(key.clone());
        }
        let incomplete = |_| StoreError::Unwritable { table: first, reason: "incomplete keys".to_owned() };
        let mut requests = keys
            .into_iter()
            .map(|(name, keys)| {
                let request = KeysAndAttributes::builder().set_keys(Some(keys)).consistent_read(true).build();
                request.map(|request| (name, request)).map_err(incomplete)
            })
            .collect::<Result<HashMap<_, _>, _>>()?;
        let mut pause = Duration::from_millis(10);
        for _ in 0..ATTEMPTS {
            let output = self
                .client()
                .batch_get_item()
                .set_request_items(Some(requests))
                .send()
                .await
                .map_err(|error| StoreError::failed("BatchGetItem", first, &error))?;
            for (name, items) in output.responses.unwrap_or_default() {
                if let Some(table) = self.tables().table(&name) {
                    batch.items.extend(items.into_iter().map(|item| (table, item)));
                }
            }
            requests = output.unprocessed_keys.unwrap_or_default();
            if requests.is_empty() {
                return Ok(());
            }
            tokio::time::sleep(pause).await;
            pause = pause.saturating_mul(2);
        }
        // Nobody changes these items: it is the database that is too busy.
        let code = "UnprocessedKeys".to_owned();
        Err(StoreError::Failed { operation: "BatchGetItem", table: first, code })
    }
}
