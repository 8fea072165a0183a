//! `chain_state`: how far the chain was read, who reads it, what the signer signed, which order a reference names, and which
//! events wait.

mod parked;

use descrow_domain::{OrderId, Timestamp};
pub use parked::{EventPosition, Parked, Referred};
use serde::{Deserialize, Serialize};

use crate::{
    Store, StoreError, Table,
    error::Refused,
    expression::{expr, number, string},
    item::{Row, decode, encode, id_key},
    transaction::Write,
};

/// How far a contract's events are stored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cursor {
    /// The key, `cursor#<contract>`.
    id: String,
    /// The last finalised block whose events are stored.
    pub block: u64,
    /// When it was moved.
    pub updated_at: Timestamp,
}

/// The right to be the one poller, for a while.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lease {
    /// The key, `lease#<name>`.
    id: String,
    /// Who holds it: unique for each holder.
    pub holder: String,
    /// Rises with each holder: a former holder's number is lower.
    pub fence: u64,
    /// Until when.
    pub until: Timestamp,
}

/// The next nonce of a signer, as far as we signed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignerNonce {
    /// The key, `signer#<account>`.
    id: String,
    /// The nonce after the last one that we signed with.
    pub next: u64,
    /// How far the node had counted when we last asked.
    #[serde(default)]
    pub counted: u64,
    /// When the node last counted on, or had counted all that we signed.
    pub agreed_at: Timestamp,
}

/// A step of the nonces of a signer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SignerStep<'a> {
    /// The account that signs.
    pub account: &'a str,
    /// The next nonce as far as was known ([`SignerNonce::next`]); `None` before the first.
    pub from: Option<u64>,
    /// The next nonce after it.
    pub next: u64,
    /// [`SignerNonce::counted`]
    pub counted: u64,
    /// [`SignerNonce::agreed_at`]
    pub agreed_at: Timestamp,
}

impl SignerStep<'_> {
    /// The step as part of a transaction: refused when another signer was at work.
    pub(crate) fn write(self) -> Result<Write, StoreError> {
        let id = format!("signer#{}", self.account);
        let row = SignerNonce { id, next: self.next, counted: self.counted, agreed_at: self.agreed_at };
        let condition = match self.from {
            Some(from) => expr("#next = :from").with(":from", number(from)),
            None => expr("attribute_not_exists(#id)"),
        };
        Ok(Write::Put { table: Table::ChainState, item: encode(&row)?, condition })
    }
}

/// Which order the contract means.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct OrderReference {
    id: String,
    order_id: OrderId,
}

impl OrderReference {
    pub(crate) fn new(reference: [u8; 32], order_id: OrderId) -> Self {
        Self { id: reference_id(reference), order_id }
    }
}

impl Row for Cursor {
    const TABLE: Table = Table::ChainState;
}

impl Row for Lease {
    const TABLE: Table = Table::ChainState;
}

impl Row for SignerNonce {
    const TABLE: Table = Table::ChainState;
}

impl Row for OrderReference {
    const TABLE: Table = Table::ChainState;
}

fn reference_id(reference: [u8; 32]) -> String {
    format!("order#0x{}", hex::encode(reference))
}

/// Access to `chain_state`.
#[derive(Clone, Copy, Debug)]
pub struct ChainState<'a>(pub(crate) &'a Store);

impl ChainState<'_> {
    /// How far the events of `contract` are stored; `None` before the first block.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn cursor(self, contract: &str) -> Result<Option<Cursor>, StoreError> {
        self.0.get(id_key(format!("cursor#{contract}"))).await
    }

    /// Moves the cursor of `contract` from `from` (`None`: there is none yet) to `to`. `false` when it is somewhere else.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn move_cursor(
        self,
        contract: &str,
        from: Option<u64>,
        to: u64,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let next = Cursor { id: format!("cursor#{contract}"), block: to, updated_at: now };
        let condition = match from {
            Some(from) => expr("#block = :from").with(":from", number(from)),
            None => expr("attribute_not_exists(#id)"),
        };
        match self.0.put(Table::ChainState, encode(&next)?, &condition).await {
            Ok(()) => Ok(true),
            Err(Refused::Condition(old)) => Ok(old.map(decode::<Cursor>).transpose()?.is_some_and(|old| old == next)),
            Err(Refused::Store(error)) => Err(error),
        }
    }

    /// Takes the lease `name` for `holder` until `until`, if nobody holds it at `now`; else `None`.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn acquire_lease(
        self,
        name: &str,
        holder: &str,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<Option<Lease>, StoreError> {
        let change = expr("SET #holder = :holder, #until = :until, #fence = if_not_exists(#fence, :zero) + :one")
            .with(":holder", string(holder))
            .with(":until", number(until.0))
            .with(":zero", number(0))
            .with(":one", number(1));
        let free = expr("attribute_not_exists(#id) OR #until <= :now").with(":now", number(now.0));
        match self.0.update(Table::ChainState, lease_key(name), &change, Some(&free)).await {
            Ok(item) => decode(item).map(Some),
            Err(Refused::Condition(old)) => {
                // Our own, if the reply to it was lost.
                let old: Option<Lease> = old.map(decode).transpose()?;
                Ok(old.filter(|lease| lease.holder == holder && lease.until == until))
            }
            Err(Refused::Store(error)) => Err(error),
        }
    }

    /// Holds `lease` until `until`. `false` when somebody else took it.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn renew_lease(self, lease: &Lease, until: Timestamp) -> Result<bool, StoreError> {
        let change = expr("SET #until = :until").with(":until", number(until.0));
        self.held(lease, change).await
    }

    /// Gives `lease` back, so that the next holder need not wait for its end.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn release_lease(self, lease: &Lease) -> Result<(), StoreError> {
        let change = expr("SET #until = :until").with(":until", number(0));
        self.held(lease, change).await.map(|_| ())
    }

    async fn held(self, lease: &Lease, change: crate::expression::Expression) -> Result<bool, StoreError> {
        let condition = expr("#fence = :fence").with(":fence", number(lease.fence));
        match self.0.update(Table::ChainState, id_key(&lease.id), &change, Some(&condition)).await {
            Ok(_) => Ok(true),
            Err(Refused::Condition(_)) => Ok(false),
            Err(Refused::Store(error)) => Err(error),
        }
    }

    /// The next nonce of `account` as far as we signed; `None` before the first.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn signer(self, account: &str) -> Result<Option<SignerNonce>, StoreError> {
        self.0.get(id_key(format!("signer#{account}"))).await
    }

    /// Corrects what we remember of the nonces of a signer. `false` when another signer was at work.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn correct_signer(self, step: SignerStep<'_>) -> Result<bool, StoreError> {
        match self.0.transact(&[step.write()?]).await {
            Ok(()) => Ok(true),
            Err(Refused::Condition(_)) => Ok(false),
            Err(Refused::Store(error)) => Err(error),
        }
    }
}

fn lease_key(name: &str) -> crate::item::Item {
    id_key(format!("lease#{name}"))
}
