//! The row as this process read it last.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use descrow_domain::rates::CurrentRates;
use descrow_store::{Store, StoreError};
use tokio::sync::Mutex;

/// How long a row that was read is as good as the one in the table.
const FRESH_FOR: Duration = Duration::from_secs(30);

/// When it was read, and what was there.
type Read = (Instant, Option<CurrentRates>);

/// The row as it was read last, for requests that come soon after.
#[derive(Clone, Debug, Default)]
pub struct Kept(Arc<Mutex<Option<Read>>>);

impl Kept {
    /// The row, at most half a minute old, and how old that is. Requests that come at once read it once.
    pub(crate) async fn row(&self, store: &Store) -> Result<(Option<CurrentRates>, Duration), StoreError> {
        let mut kept = self.0.lock().await;
        if let Some((at, row)) = kept.as_ref() {
            let age = at.elapsed();
            if age < FRESH_FOR {
                return Ok((row.clone(), age));
            }
        }
        let row = store.rates().current().await?;
        *kept = Some((Instant::now(), row.clone()));
        Ok((row, Duration::ZERO))
    }
}
