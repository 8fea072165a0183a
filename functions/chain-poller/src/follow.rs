//! Follows the finalised chain for the length of an invocation.

use std::time::Duration;

use descrow_chain::{Chain, ChainError, ContractEvent};
use descrow_domain::Timestamp;
use descrow_platform::Deadline;
use descrow_store::Lease;
use futures_util::{StreamExt as _, stream};
use uuid::Uuid;

use crate::{PollError, Poller};

/// How long one invocation follows the chain. It begins every minute, and waits for the one before to end: so there is no
/// gap between them.
const STAY: Duration = Duration::from_secs(62);
/// Kept back to store what was read, and to give the lease back.
const RESERVE: Duration = Duration::from_secs(2);
/// For what waits, before new blocks are read; shorter than the lease.
const RETRY: Duration = Duration::from_secs(8);
const LEASE: &str = "poller";
/// A poller that was killed is missed for so long.
const LEASE_SECONDS: i64 = 15;
const RENEW_MS: i64 = 5_000;
/// How long the lease of the invocation before is waited for.
const LEASE_PATIENCE: Duration = Duration::from_secs(10);
const BETWEEN_TRIES: Duration = Duration::from_millis(250);
/// Without news from the subscription the head is asked for: subscriptions can die in silence.
const SILENCE: Duration = Duration::from_secs(3);
/// Blocks that are read at the same time when there is a backlog; they are applied in order.
const AHEAD: usize = 4;
/// A cursor behind empty blocks only costs that they are read again, so it is not stored for each.
const CURSOR_MS: i64 = 5_000;

/// What an invocation did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Followed {
    /// Blocks read.
    pub blocks: u64,
    /// Events found in them.
    pub events: u64,
}

/// Where the poller stands.
struct Position {
    /// The cursor as it is stored.
    stored: Option<u64>,
    /// When it was stored.
    stored_at: Timestamp,
    /// The next block to read; unknown until the chain was asked for its head.
    next: Option<u64>,
    /// Whether what waits was tried again in this run.
    retried: bool,
    lease: Lease,
    renewed_at: Timestamp,
    followed: Followed,
}

impl Poller {
    /// One invocation: takes the lease, follows the chain, gives the lease back.
    ///
    /// # Errors
    /// [`PollError`] when the database fails, or the chain could not be read at all.
    pub async fn handle(&self, deadline: Deadline) -> Result<serde_json::Value, PollError> {
        let followed = self.follow(deadline.within(STAY)).await?;
        Ok(match followed {
            Some(followed) => serde_json::json!({ "blocks": followed.blocks, "events": followed.events }),
            None => serde_json::json!({ "skipped": "another poller is at work" }),
        })
    }

    /// Follows the chain until `deadline`; `None` when somebody else does.
    ///
    /// # Errors
    /// [`PollError`]
    pub async fn follow(&self, deadline: Deadline) -> Result<Option<Followed>, PollError> {
        let Some(lease) = self.lease(deadline).await? else { return Ok(None) };
        let now = Timestamp::now();
        let contract = self.contract.address.to_string();
        let stored = self.store.chain_state().cursor(&contract).await?.map(|cursor| cursor.block);
        let mut position = Position {
            stored,
            stored_at: now,
            next: None,
            retried: false,
            lease,
            renewed_at: now,
            followed: Followed::default(),
        };
        let result = self.follow_until(&mut position, deadline).await;
        let saved = match &result {
            Err(PollError::Overtaken) => Ok(()),
            _ => self.save(&mut position).await,
        };
        self.store.chain_state().release_lease(&position.lease).await?;
        saved?;
        match result {
            Ok(()) => Ok(Some(position.followed)),
            Err(PollError::Overtaken) => {
                tracing::warn!("poller.overtaken");
                Ok(Some(position.followed))
            }
            Err(error) => Err(error),
        }
    }

    async fn lease(&self, deadline: Deadline) -> Result<Option<Lease>, PollError> {
        let holder = Uuid::now_v7().to_string();
        let patience = deadline.within(LEASE_PATIENCE);
        loop {
            let now = Timestamp::now();
            let until = now.plus_seconds(LEASE_SECONDS);
            if let Some(lease) = self.store.chain_state().acquire_lease(LEASE, &holder, now, until).await? {
                return Ok(Some(lease));
            }
            if !patience.allows(BETWEEN_TRIES) {
                return Ok(None);
            }
            tokio::time::sleep(BETWEEN_TRIES).await;
        }
    }

    /// Follows over one connection after the other.
    async fn follow_until(&self, position: &mut Position, deadline: Deadline) -> Result<(), PollError> {
        loop {
            match self.follow_connection(position, deadline).await {
                Ok(()) => return Ok(()),
                Err(PollError::Chain(error)) if deadline.allows(RESERVE + SILENCE) => {
                    tracing::warn!(error = %error, next_block = position.next.unwrap_or_default(), "poller.connection_lost");
                    tokio::time::sleep(BETWEEN_TRIES * 4).await;
                    self.keep_lease(position).await?;
                }
                // The time was up in the middle of a question: nothing is wrong.
                Err(PollError::Chain(ChainError::Deadline(_))) if position.followed.blocks > 0 => return Ok(()),
                Err(error) => return Err(error),
            }
        }
    }

    async fn follow_connection(&self, position: &mut Position, deadline: Deadline) -> Result<(), PollError> {
        let chain = self.connector.chain(deadline).await?;
        let mut heads = chain.finalized_heads(deadline).await?;
        let mut head = chain.finalized_head(deadline).await?.number;
        let first = match (position.next, position.stored) {
            (Some(next), _) => next,
            (None, Some(block)) => block.saturating_add(1),
            (None, None) => self.from_block.unwrap_or(head),
        };
        position.next = Some(first);
        if !position.retried {
            self.keep_lease(position).await?;
            self.try_parked(&chain, deadline.within(RETRY)).await?;
            position.retried = true;
            self.keep_lease(position).await?;
        }
        loop {
            self.catch_up(&chain, position, head, deadline).await?;
            if !deadline.allows(RESERVE) {
                return Ok(());
            }
            head = match heads.next(deadline.within(SILENCE)).await {
                Ok(number) => number,
                Err(ChainError::Deadline(_)) if deadline.allows(RESERVE) => {
                    chain.finalized_head(deadline).await?.number
                }
                Err(ChainError::Deadline(_)) => return Ok(()),
                Err(error) => return Err(error.into()),
            };
            self.keep_lease(position).await?;
        }
    }

    /// Reads and applies every block up to `head`, as far as time allows.
    async fn catch_up(
        &self,
        chain: &Chain,
        position: &mut Position,
        head: u64,
        deadline: Deadline,
    ) -> Result<(), PollError> {
        let read = |number| async move { Ok::<_, ChainError>((number, self.read(chain, number, deadline).await?)) };
        let first = position.next.unwrap_or(head);
        let mut blocks = stream::iter((first..=head).map(read)).buffered(AHEAD);
        while let Some(block) = blocks.next().await {
            let (number, events) = block?;
            for event in &events {
                self.apply(event).await?;
            }
            position.next = Some(number.saturating_add(1));
            position.followed.blocks += 1;
            position.followed.events += u64::try_from(events.len()).unwrap_or(u64::MAX);
            let idle = Timestamp::now().millis_since(position.stored_at) < CURSOR_MS;
            if !events.is_empty() || !idle {
                self.save(position).await?;
            }
            self.keep_lease(position).await?;
            if !deadline.allows(RESERVE) {
                break;
            }
        }
        Ok(())
    }

    pub(crate) async fn read(
        &self,
        chain: &Chain,
        number: u64,
        deadline: Deadline,
    ) -> Result<Vec<ContractEvent>, ChainError> {
        let at = chain.at_number(number, deadline).await?;
        self.contract.events_in(&at, deadline).await
    }

    /// Moves the stored cursor to the last block whose events are stored.
    async fn save(&self, position: &mut Position) -> Result<(), PollError> {
        let read = position.next.filter(|_| position.followed.blocks > 0).and_then(|next| next.checked_sub(1));
        let Some(done) = read.filter(|done| position.stored.is_none_or(|stored| stored < *done)) else {
            return Ok(());
        };
        let (contract, now) = (self.contract.address.to_string(), Timestamp::now());
        if !self.store.chain_state().move_cursor(&contract, position.stored, done, now).await? {
            return Err(PollError::Overtaken);
        }
        position.stored = Some(done);
        position.stored_at = now;
        Ok(())
    }

    async fn keep_lease(&self, position: &mut Position) -> Result<(), PollError> {
        let now = Timestamp::now();
        if now.millis_since(position.renewed_at) < RENEW_MS {
            return Ok(());
        }
        let until = now.plus_seconds(LEASE_SECONDS);
        if !self.store.chain_state().renew_lease(&position.lease, until).await? {
            return Err(PollError::Overtaken);
        }
        position.renewed_at = now;
        Ok(())
    }
}
