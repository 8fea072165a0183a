//! A DynamoDB in the test's own process, with every table, and a count of the round trips that follow one another.
//!
//! The tables are the ones of `infra/template.yaml`; a test of this crate holds both lists equal.

pub mod sample;

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use aws_credential_types::Credentials;
use aws_sdk_dynamodb::{
    Client,
    config::{
        BehaviorVersion, ConfigBag, Intercept, Region, RuntimeComponents,
        interceptors::{BeforeSerializationInterceptorContextRef, FinalizerInterceptorContextRef},
    },
    error::BoxError,
    types::{
        AttributeDefinition, BillingMode, GlobalSecondaryIndex, KeySchemaElement, KeyType, Projection, ProjectionType,
        ScalarAttributeType,
    },
};

use crate::{Store, Table, Tables};

/// The name of the stack whose tables a test sees.
pub const STACK: &str = "test";

/// An index of a table: its name, partition key and sort key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Index {
    /// The name.
    pub name: &'static str,
    /// The partition key.
    pub partition: Key,
    /// The sort key.
    pub sort: Key,
}

/// An attribute that is part of a key, and whether it is a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Key {
    /// The attribute.
    pub name: &'static str,
    /// Number, else string.
    pub number: bool,
}

/// How a table is made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Definition {
    /// Which table.
    pub table: Table,
    /// The partition key.
    pub partition: Key,
    /// The sort key.
    pub sort: Option<Key>,
    /// The indexes, each with every column.
    pub indexes: Vec<Index>,
    /// Whether changes leave by a stream with old and new images.
    pub stream: bool,
    /// Whether items go at `expires_at`.
    pub expires: bool,
}

const fn text(name: &'static str) -> Key {
    Key { name, number: false }
}

const fn number(name: &'static str) -> Key {
    Key { name, number: true }
}

/// How every table is made.
pub fn definitions() -> Vec<Definition> {
    let created = text("created_key");
    let index = |name, partition, sort| Index { name, partition: text(partition), sort };
    Table::ALL
        .into_iter()
        .map(|table| {
            let (partition, sort) = match table {
                Table::Ledger => (text("order_id"), Some(text("entry_id"))),
                Table::Notifications => (text("user_id"), Some(text("id"))),
                Table::Audit => (text("day"), Some(text("id"))),
                Table::Messages => (text("user_id"), Some(number("seq"))),
                _ => (text("id"), None),
            };
            let indexes = match table {
                Table::Users => vec![
                    index("by_created", "created_bucket", created),
                    index("by_kyc", "kyc_status_shard", text("updated_key")),
                ],
                Table::Products => [
                    ("by_status", "by_status_price", "status_shard"),
                    ("by_category", "by_category_price", "category_shard"),
                    ("by_seller", "by_seller_price", "seller_status"),
                    ("by_seller_category", "by_seller_category_price", "seller_category"),
                ]
                .into_iter()
                .flat_map(|(newest, price, partition)| {
                    [index(newest, partition, created), index(price, partition, text("price_key"))]
                })
                .collect(),
                Table::Orders => vec![
                    index("by_buyer", "buyer_id", created),
                    index("by_seller", "seller_id", created),
                    index("by_buyer_status", "buyer_id", text("status_key")),
                    index("by_seller_status", "seller_id", text("status_key")),
                    index("by_status", "status_shard", created),
                    index("by_due", "due_shard", number("due_at")),
                    index("by_created", "created_bucket", created),
                ],
                Table::MpesaTransactions => vec![
                    index("by_order", "order_id", created),
                    index("by_user", "user_id", created),
                    index("by_due", "due_shard", number("next_check_at")),
                    index("by_created", "created_bucket", created),
                ],
                Table::Notifications => vec![index("by_unread", "unread_of", text("id"))],
                Table::Evidence => vec![index("by_order", "order_id", created)],
                Table::ChainCommands => vec![index("by_state", "open_shard", number("updated_at"))],
                Table::ChainState => vec![index("by_parked", "contract", number("tried_at"))],
                Table::Connections => vec![index("by_user", "user_id", text("id"))],
                _ => Vec::new(),
            };
            let stream = matches!(
                table,
                Table::Orders | Table::MpesaTransactions | Table::ChainCommands | Table::Notifications | Table::Ledger
            );
            let expires = matches!(
                table,
                Table::Sessions | Table::Connections | Table::Limits | Table::Messages | Table::Counters
            );
            Definition { table, partition, sort, indexes, stream, expires }
        })
        .collect()
}

/// Counts the requests of a client. Requests that are under way together are one round trip.
#[derive(Clone, Debug, Default)]
pub struct RoundTrips(Arc<Counters>);

#[derive(Debug, Default)]
struct Counters {
    rounds: AtomicUsize,
    requests: AtomicUsize,
    under_way: AtomicUsize,
}

impl RoundTrips {
    /// Round trips that followed one another since the last call of this.
    pub fn take(&self) -> usize {
        self.0.requests.store(0, Ordering::SeqCst);
        self.0.rounds.swap(0, Ordering::SeqCst)
    }

    /// Requests since the last [`Self::take`], parallel ones each for itself.
    pub fn requests(&self) -> usize {
        self.0.requests.load(Ordering::SeqCst)
    }
}

impl Intercept for RoundTrips {
    fn name(&self) -> &'static str {
        "RoundTrips"
    }

    fn read_before_execution(
        &self,
        _context: &BeforeSerializationInterceptorContextRef<'_>,
        _bag: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        self.0.requests.fetch_add(1, Ordering::SeqCst);
        if self.0.under_way.fetch_add(1, Ordering::SeqCst) == 0 {
            self.0.rounds.fetch_add(1, Ordering::SeqCst);
        }
        Ok(())
    }

    fn read_after_execution(
        &self,
        _context: &FinalizerInterceptorContextRef<'_>,
        _components: &RuntimeComponents,
        _bag: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        self.0.under_way.fetch_sub(1, Ordering::SeqCst);
        Ok(())
    }
}

/// A store over a database of its own, which ends with the test's runtime.
#[derive(Clone, Debug)]
pub struct TestStore {
    /// The store.
    pub store: Store,
    /// What it cost.
    pub trips: RoundTrips,
    /// The SDK's client, to look behind the store's back.
    pub client: Client,
}

impl TestStore {
    /// Starts a database with every table.
    ///
    /// # Panics
    /// When it cannot be started: a test has nothing else to do then.
    #[allow(clippy::expect_used)]
    pub async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a loopback port");
        let address = listener.local_addr().expect("a bound socket has an address");
        let database = dynoxide::Database::memory().expect("a database in memory");
        tokio::spawn(dynoxide::server::serve_on(listener, database));
        let trips = RoundTrips::default();
        let config = aws_sdk_dynamodb::Config::builder()
            .behavior_version(BehaviorVersion::v2026_01_12())
            .region(Region::new("us-east-1"))
            .credentials_provider(Credentials::new("test", "test", None, None, "test"))
            .http_client(descrow_platform::aws_http::client(std::time::Duration::from_secs(2)))
            .endpoint_url(format!("http://{address}"))
            .interceptor(trips.clone())
            .build();
        let client = Client::from_conf(config);
        let tables = Tables::of_stack(STACK);
        for definition in definitions() {
            create(&client, &definition).await;
        }
        trips.take();
        Self { store: Store::new(client.clone(), tables), trips, client }
    }
}

#[allow(clippy::expect_used)]
async fn create(client: &Client, definition: &Definition) {
    let element = |key: Key, kind| {
        KeySchemaElement::builder().attribute_name(key.name).key_type(kind).build().expect("a complete key")
    };
    let mut keys: Vec<Key> = vec![definition.partition];
    keys.extend(definition.sort);
    keys.extend(definition.indexes.iter().flat_map(|index| [index.partition, index.sort]));
    keys.sort_by_key(|key| key.name);
    keys.dedup();
    let mut request = client
        .create_table()
        .table_name(format!("{STACK}-{}", definition.table))
        .billing_mode(BillingMode::PayPerRequest)
        .key_schema(element(definition.partition, KeyType::Hash))
        .set_attribute_definitions(Some(keys.into_iter().map(attribute).collect()));
    if let Some(sort) = definition.sort {
        request = request.key_schema(element(sort, KeyType::Range));
    }
    for index in &definition.indexes {
        let made = GlobalSecondaryIndex::builder()
            .index_name(index.name)
            .key_schema(element(index.partition, KeyType::Hash))
            .key_schema(element(index.sort, KeyType::Range))
            .projection(Projection::builder().projection_type(ProjectionType::All).build())
            .build();
        request = request.global_secondary_indexes(made.expect("a complete index"));
    }
    request.send().await.expect("a table that can be made");
}

#[allow(clippy::expect_used)]
fn attribute(key: Key) -> AttributeDefinition {
    let kind = if key.number { ScalarAttributeType::N } else { ScalarAttributeType::S };
    AttributeDefinition::builder().attribute_name(key.name).attribute_type(kind).build().expect("a complete attribute")
}
