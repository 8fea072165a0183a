//! DynamoDB: one module per table, one function per access pattern (DESIGN §4).
//!
//! Every write is conditional and asks for the old item when it is refused, so one round trip both changes and explains.
//! Transactions are used only where items must agree. What an item holds is never trusted: one that cannot be read is an
//! error that names its table and key. There is no Scan.
//!
//! A write whose reply was lost is repeated by the SDK and then meets its own result: a refused write whose old item equals
//! the item to be written counts as done.

mod access;
mod audit;
mod chain_commands;
mod chain_state;
mod connections;
mod counters;
#[cfg(feature = "daraja-token")]
mod daraja_token;
mod days;
mod due;
mod error;
mod evidence;
mod expression;
mod idempotency;
mod item;
mod ledger;
mod limits;
mod list;
mod logins;
mod messages;
mod notifications;
mod orders;
mod payments;
mod products;
mod rates;
mod sessions;
mod table;
#[cfg(feature = "testing")]
pub mod testing;
mod together;
mod transaction;
mod users;

pub use audit::Audit;
pub use aws_sdk_dynamodb::Client;
pub use chain_commands::{ChainCommands, Signed};
pub use chain_state::{ChainState, Cursor, EventPosition, Lease, Parked, Referred, SignerNonce, SignerStep};
pub use connections::{Connection, Connections};
pub use counters::{Counters, Counting, counters_of};
#[cfg(feature = "daraja-token")]
pub use daraja_token::DarajaToken;
pub use error::StoreError;
pub use evidence::{EvidenceAdded, EvidenceRows};
pub use idempotency::IdempotencyRecord;
pub use ledger::Ledger;
pub use limits::{Limits, Window};
pub use list::Page;
pub use logins::SignedUp;
pub use messages::{Appended, Asked, Kept, Known, Messages, Telling};
pub use notifications::Notifications;
pub use orders::{
    Applied, Begun, ChainChange, Created, DotNoted, DueOrder, FinalCommand, OrderChange, OrderList, Orders, OrdersOf,
    Requested, SellerTerms,
};
pub use payments::{PaymentList, Payments, Retried, Settled};
pub use products::{Listed, ProductList, ProductSort, Products};
pub use rates::{RatesRow, pricing, rate_bounds};
pub use sessions::{Challenge, Family, KycDraft, Rotation, Sessions, Ticket};
pub use table::{Table, Tables};
pub use together::{Found, Wanted};
pub use users::{KycDecided, KycSubmitted, Profile, Users};

/// The database, as far as a function is configured to see it. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Store {
    client: Client,
    tables: Tables,
}

/// What became of a replacement that was conditional on the version it was based on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Replaced<T> {
    /// The new row is there: this call wrote it, or somebody wrote the very same.
    Done,
    /// Somebody was faster: the row as it is now, or `None` when there is none.
    Stale(Option<Box<T>>),
}

impl Store {
    /// The tables in `tables`, reached through `client`.
    pub fn new(client: Client, tables: Tables) -> Self {
        Self { client, tables }
    }

    /// Users.
    pub fn users(&self) -> Users<'_> {
        Users(self)
    }

    /// Challenges, refresh families and tickets.
    pub fn sessions(&self) -> Sessions<'_> {
        Sessions(self)
    }

    /// Products.
    pub fn products(&self) -> Products<'_> {
        Products(self)
    }

    /// Orders.
    pub fn orders(&self) -> Orders<'_> {
        Orders(self)
    }

    /// Movements of shillings.
    pub fn payments(&self) -> Payments<'_> {
        Payments(self)
    }

    /// Commands to the contract.
    pub fn chain_commands(&self) -> ChainCommands<'_> {
        ChainCommands(self)
    }

    /// What we know of the chain.
    pub fn chain_state(&self) -> ChainState<'_> {
        ChainState(self)
    }

    /// Evidence in disputes.
    pub fn evidence(&self) -> EvidenceRows<'_> {
        EvidenceRows(self)
    }

    /// What admins did.
    pub fn audit(&self) -> Audit<'_> {
        Audit(self)
    }

    /// The books.
    pub fn ledger(&self) -> Ledger<'_> {
        Ledger(self)
    }

    /// Notifications.
    pub fn notifications(&self) -> Notifications<'_> {
        Notifications(self)
    }

    /// What users were told through the WebSocket.
    pub fn messages(&self) -> Messages<'_> {
        Messages(self)
    }

    /// Open WebSocket connections.
    pub fn connections(&self) -> Connections<'_> {
        Connections(self)
    }

    /// Counted figures for admins.
    pub fn counters(&self) -> Counters<'_> {
        Counters(self)
    }

    /// Exchange rates.
    pub fn rates(&self) -> RatesRow<'_> {
        RatesRow(self)
    }

    /// Rate windows and idempotency records.
    pub fn limits(&self) -> Limits<'_> {
        Limits(self)
    }

    /// The Daraja token that all functions share for `shortcode`.
    #[cfg(feature = "daraja-token")]
    pub fn daraja_token(&self, shortcode: &str) -> DarajaToken {
        DarajaToken::new(self.clone(), shortcode)
    }
}
