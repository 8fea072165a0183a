//! Events that cannot be applied for a reason of their own order: they wait, and the events of other orders go on.
//!
//! | what stands against an event | what happens |
//! |---|---|
//! | the database or the chain does not answer | the run ends, the cursor stands before the block: everything waits |
//! | a row of its order cannot be read or written, is missing, or is changed by others all the time | the event is parked |
//! | events of its order wait already | it is parked behind them: an order's events are never applied out of their order |
//! | the order does not allow it | it is passed over and somebody is told: what the order shows came later, or elsewhere |
//!
//! What is parked is in `chain_state` before the cursor moves on. Each run tries it again before it reads new blocks: the event
//! is read anew from its block, so a row that was mended heals by itself, and nothing but the chain ever says what happened.
//! What was applied before its row was taken away is known by then, as an event is that is read twice.

use std::time::Duration;

use descrow_chain::{Chain, ContractEvent};
use descrow_domain::Timestamp;
use descrow_platform::Deadline;
use descrow_store::{EventPosition, Parked, StoreError};

use crate::{PollError, Poller};

/// Orders whose events are tried again in one run, the longest untried first.
const ORDERS: i32 = 100;
/// What one event may take.
const AN_EVENT: Duration = Duration::from_millis(500);
/// Codes by which the database says that a write of these very rows is not possible, however often it is tried.
const NEVER_TAKEN: [&str; 2] = ["ValidationError", "ValidationException"];

/// Why an event waits, where that lies with its own order; `None` where it lies with the database or the chain.
pub(crate) fn reason_of_its_order(error: &PollError) -> Option<&'static str> {
    match error {
        PollError::OrderMissing => Some("order_missing"),
        PollError::NotOnChain => Some("not_on_chain"),
        PollError::Contention | PollError::Store(StoreError::Contention(_)) => Some("contention"),
        PollError::Store(StoreError::Unreadable { .. }) => Some("unreadable_row"),
        PollError::Store(StoreError::Unwritable { .. }) => Some("unwritable_row"),
        PollError::Store(StoreError::Failed { code, .. }) if NEVER_TAKEN.contains(&code.as_str()) => {
            Some("refused_by_the_database")
        }
        PollError::Store(StoreError::Failed { .. } | StoreError::NotConfigured(_))
        | PollError::Chain(_)
        | PollError::Overtaken => None,
    }
}

impl Poller {
    /// Lets `found` wait for `reason`.
    pub(crate) async fn park(&self, found: &ContractEvent, reason: &'static str) -> Result<(), PollError> {
        let (contract, reference) = (self.contract.address.to_string(), found.event.order().0);
        let position = EventPosition { block: found.block, index: found.index };
        self.store.chain_state().park(&contract, reference, position, reason, Timestamp::now()).await?;
        Ok(())
    }

    /// Tries again what waits, as far as `deadline` allows.
    ///
    /// # Errors
    /// [`PollError`] when the database fails.
    pub(crate) async fn try_parked(&self, chain: &Chain, deadline: Deadline) -> Result<(), PollError> {
        let contract = self.contract.address.to_string();
        for parked in self.store.chain_state().parked(&contract, Timestamp::now(), ORDERS).await? {
            if !deadline.allows(AN_EVENT) {
                break;
            }
            match parked {
                Ok(parked) => self.try_order(chain, parked, deadline).await?,
                Err(error) => tracing::error!(error = %error, "poller.needs_a_human"),
            }
        }
        Ok(())
    }

    /// Tries again the events of one order, until one still cannot be applied.
    async fn try_order(&self, chain: &Chain, parked: Parked, deadline: Deadline) -> Result<(), PollError> {
        let state = self.store.chain_state();
        let mut parked = Some(parked);
        while let Some(waiting) = parked {
            let Some(position) = waiting.events.first().copied() else { return Ok(()) };
            let (block, index, reference) = (position.block, position.index, waiting.reference.as_str());
            let reason = match self.try_event(chain, position, deadline).await {
                Ok(()) => {
                    tracing::info!(block, index, reference, "poller.parked_event_applied");
                    parked = state.unpark(&waiting).await.map_err(|error| match error {
                        StoreError::Contention(_) => PollError::Overtaken,
                        other => other.into(),
                    })?;
                    continue;
                }
                // An old block may be out of the node's reach while new ones are not.
                Err(PollError::Chain(error)) => {
                    tracing::warn!(block, error = %error, "poller.parked_block_unreadable");
                    "block_unreadable"
                }
                Err(error) => match reason_of_its_order(&error) {
                    Some(reason) => {
                        tracing::error!(block, index, reference, reason, error = %error, "poller.needs_a_human");
                        reason
                    }
                    None => return Err(error),
                },
            };
            let noted = state.still_parked(&waiting, reason, Timestamp::now()).await?;
            return if noted { Ok(()) } else { Err(PollError::Overtaken) };
        }
        Ok(())
    }

    async fn try_event(&self, chain: &Chain, position: EventPosition, deadline: Deadline) -> Result<(), PollError> {
        let events = self.read(chain, position.block, deadline).await?;
        let found = events.iter().find(|event| event.index == position.index).ok_or(PollError::NotOnChain)?;
        let contract = self.contract.address.to_string();
        let referred = self.store.chain_state().referred(&contract, found.event.order().0).await?;
        self.make_true(found, referred.order?).await
    }
}

#[cfg(test)]
mod tests {
    use descrow_chain::ChainError;
    use descrow_store::Table;

    use super::*;

    #[test]
    fn what_lies_with_one_order_waits_and_what_lies_with_the_database_or_the_chain_stops_the_run() {
        let failed = |code: &str| {
            let (operation, code) = ("TransactWriteItems", code.to_owned());
            PollError::from(StoreError::Failed { operation, table: Table::Orders, code })
        };
        let (key, reason) = ("1".to_owned(), "missing field".to_owned());
        let unreadable = StoreError::Unreadable { table: Table::Users, key, reason: reason.clone() };
        for (error, expected) in [
            (unreadable.into(), Some("unreadable_row")),
            (StoreError::Unwritable { table: Table::Orders, reason }.into(), Some("unwritable_row")),
            (StoreError::Contention(Table::Orders).into(), Some("contention")),
            (PollError::Contention, Some("contention")),
            (PollError::OrderMissing, Some("order_missing")),
            (PollError::NotOnChain, Some("not_on_chain")),
            (failed("ValidationError"), Some("refused_by_the_database")),
            (failed("ValidationException"), Some("refused_by_the_database")),
            (failed("ThrottlingError"), None),
            (failed("UnprocessedKeys"), None),
            (failed("timeout"), None),
            (failed("AccessDeniedException"), None),
            (StoreError::NotConfigured(Table::Orders).into(), None),
            (ChainError::NoSuchBlock(7).into(), None),
            (PollError::Overtaken, None),
        ] {
            assert_eq!(reason_of_its_order(&error), expected, "{error}");
        }
    }
}
