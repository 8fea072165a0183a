//! A full recount: every order and every entry of the books of a deployed stack is read and counted by the function that the
//! stream's consumer uses, and the result is compared with the counters it kept.
//!
//! This is the one place that scans tables. It runs on a developer's or operator's machine, never in a function.

mod export;
mod places;
mod report;

use std::time::Duration;

use anyhow::Context as _;
use descrow_domain::analytics::{Tally, of_entry, of_order};
use descrow_domain::{ledger::LedgerEntry, order::Order};
use descrow_store::{Client, Store, Table, Tables, counters_of};
pub use places::Placed;
use tokio::time::Instant;

/// Between two looks at tables that do not agree yet.
const PAUSE: Duration = Duration::from_secs(2);

/// What was counted when, and what it should be.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Recount {
    /// Orders read.
    pub orders: usize,
    /// Entries of the books read.
    pub entries: usize,
    /// What they count for.
    pub recounted: Tally,
    /// The counters as the stream's consumer kept them.
    pub counted: Tally,
}

/// What came of waiting for counters to agree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settled {
    /// The last recount.
    pub last: Recount,
    /// Whether every recount found the same difference: nothing is on its way any more.
    pub steady: bool,
}

impl Recount {
    /// What is to be added to the counters to make them right; nothing where they are.
    pub fn difference(&self) -> Tally {
        self.recounted.minus(&self.counted)
    }

    /// Reads all of the stack `stack` once. Changes that happen meanwhile may show as differences.
    ///
    /// # Errors
    /// A table cannot be read, or a row of it.
    pub async fn once(client: &Client, stack: &str) -> anyhow::Result<Self> {
        let mut found = Self::default();
        export::each(client, stack, Table::Orders, |item| {
            let order: Order = export::row(Table::Orders, item)?;
            found.recounted.merge(&of_order(&order));
            found.orders += 1;
            Ok(())
        })
        .await?;
        export::each(client, stack, Table::Ledger, |item| {
            let entry: LedgerEntry = export::row(Table::Ledger, item)?;
            found.recounted.merge(&of_entry(&entry));
            found.entries += 1;
            Ok(())
        })
        .await?;
        export::each(client, stack, Table::Counters, |item| {
            found.counted.merge(&counters_of(&item)?);
            Ok(())
        })
        .await?;
        Ok(found)
    }

    /// Reads again and again until the counters agree, or `patience` is over: the streams' consumer is some seconds behind.
    ///
    /// # Errors
    /// As [`Self::once`].
    pub async fn settled(client: &Client, stack: &str, patience: Duration) -> anyhow::Result<Settled> {
        let end = Instant::now() + patience;
        let mut last = Self::once(client, stack).await?;
        let mut steady = true;
        while !last.difference().is_empty() && Instant::now() < end {
            tokio::time::sleep(PAUSE).await;
            let next = Self::once(client, stack).await?;
            steady &= next.difference() == last.difference();
            last = next;
        }
        Ok(Settled { last, steady })
    }
}

/// Makes the counters of `stack` right, by the difference that `settled` found.
///
/// # Errors
/// Something was still on its way, which would be counted twice; or a counter could not be moved.
pub async fn repair(client: &Client, stack: &str, settled: &Settled) -> anyhow::Result<()> {
    anyhow::ensure!(settled.steady, "the counters still move: try again when the streams are drained");
    let store = Store::new(client.clone(), Tables::of_stack(stack));
    store.counters().correct(&settled.last.difference()).await.context("the counters could not be moved")
}
