//! `rates`: one row, the exchange rates as they were fetched last.

use descrow_domain::rates::{Bounds, CurrentRates, Pricing, Rate, Rates};
use descrow_platform::Config;

use crate::{Replaced, Store, StoreError, Table, item::Row, item::id_key};

/// The oldest rates that price anything, in seconds, where `RATES_MAX_AGE` does not say.
const MAX_AGE: i64 = 1800;
/// The largest change that is believed at once, in percent, where `RATES_MAX_JUMP` does not say.
const MAX_JUMP: u32 = 10;
/// How long a larger one must hold, in seconds, where `RATES_SETTLE` does not say.
const SETTLE: i64 = 900;

/// How far fetched rates are trusted: reads `RATES_MAX_AGE` and `RATES_SETTLE` (seconds) and `RATES_MAX_JUMP` (percent).
pub fn rate_bounds(config: &Config) -> Option<Bounds> {
    let max_age = config.parsed_or("RATES_MAX_AGE", MAX_AGE);
    let max_jump = config.parsed_or("RATES_MAX_JUMP", MAX_JUMP);
    let settle = config.parsed_or("RATES_SETTLE", SETTLE);
    let bounds = Bounds { max_age: max_age?, max_jump: max_jump?, settle: settle? };
    for (name, seconds) in [("RATES_MAX_AGE", bounds.max_age), ("RATES_SETTLE", bounds.settle)] {
        if seconds < 1 {
            config.refuse(name, "is not a positive number of seconds");
        }
    }
    Some(bounds)
}

/// Where rates come from: the table where `RATES_SOURCE_URL` is set, with [`rate_bounds`]; else `USD_PER_DOT` and
/// `KES_PER_USD`, decimals above zero.
pub fn pricing(config: &Config) -> Option<Pricing> {
    if config.optional("RATES_SOURCE_URL").is_some() {
        return rate_bounds(config).map(Pricing::Fetched);
    }
    let (usd_per_dot, kes_per_usd) = (config.parsed::<Rate>("USD_PER_DOT"), config.parsed::<Rate>("KES_PER_USD"));
    Some(Pricing::Configured(Rates {
        usd_per_dot: usd_per_dot?.0,
        kes_per_usd: kes_per_usd?.0,
        source: "configuration".to_owned(),
        at: descrow_domain::Timestamp::now(),
    }))
}

impl Row for CurrentRates {
    const TABLE: Table = Table::Rates;
}

/// Access to `rates`.
#[derive(Clone, Copy, Debug)]
pub struct RatesRow<'a>(pub(crate) &'a Store);

impl RatesRow<'_> {
    /// The rates as they were fetched last; `None` before the first time.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn current(self) -> Result<Option<CurrentRates>, StoreError> {
        self.0.get(id_key(CurrentRates::ID)).await
    }

    /// Writes `next` in place of the row of `next.version - 1`; the first version where there is no row.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn save(self, next: &CurrentRates) -> Result<Replaced<CurrentRates>, StoreError> {
        match next.version.checked_sub(1) {
            Some(before @ 1..) => self.0.replace(next, before).await,
            _ => Ok(match self.0.create(next, "id").await? {
                Some(other) => Replaced::Stale(Some(Box::new(other))),
                None => Replaced::Done,
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(values: &[(&str, &str)]) -> Result<Pricing, String> {
        let values = values.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        Config::from_values(values, pricing).map_err(|error| error.to_string())
    }

    #[test]
    fn rates_come_from_the_table_where_there_is_a_source_and_from_configuration_elsewhere() {
        let source = ("RATES_SOURCE_URL", "https://api.coingecko.com/api/v3");
        let bounds = Bounds { max_age: 600, max_jump: 5, settle: 900 };
        assert_eq!(read(&[source, ("RATES_MAX_AGE", "600"), ("RATES_MAX_JUMP", "5")]), Ok(Pricing::Fetched(bounds)));
        let fixed = read(&[("RATES_SOURCE_URL", ""), ("USD_PER_DOT", "4.20"), ("KES_PER_USD", "129")]).unwrap();
        assert!(!fixed.needs_row());
        let rates = fixed.rates(None, descrow_domain::Timestamp(0)).unwrap();
        assert_eq!((rates.usd_per_dot, rates.kes_per_usd), (4_20_000_000, 129_00_000_000));
        assert_eq!(rates.source, "configuration");
    }

    #[test]
    fn what_is_missing_or_means_nothing_is_named() {
        assert_eq!(read(&[]), Err("bad configuration: USD_PER_DOT is not set; KES_PER_USD is not set".to_owned()));
        let source = ("RATES_SOURCE_URL", "https://api.coingecko.com/api/v3");
        assert_eq!(
            read(&[source, ("RATES_MAX_AGE", "0"), ("RATES_SETTLE", "-1")]),
            Err("bad configuration: RATES_MAX_AGE is not a positive number of seconds; \
                 RATES_SETTLE is not a positive number of seconds"
                .to_owned())
        );
        assert_eq!(
            read(&[("USD_PER_DOT", "0.00"), ("KES_PER_USD", "0")]),
            Err("bad configuration: USD_PER_DOT is not a valid Rate; KES_PER_USD is not a valid Rate".to_owned())
        );
    }
}
