//! What a source of exchange rates answers, in the shape of CoinGecko's `/simple/price`:
//! `{"polkadot":{"usd":4.21,"kes":544.1,"last_updated_at":1795000000}}`.
//!
//! Its numbers are read from their text, digit by digit: a float would make one out of what the source wrote.

use serde::Deserialize;
use serde_json::value::RawValue;

use super::{RATE_ONE, Rates};
use crate::Timestamp;

/// Decimals that are looked at, CoinGecko's most; what stands behind them is cut off.
const DECIMALS: i64 = 18;
/// Whole digits and decimals together: what a rate holds, and [`DECIMALS`].
const DIGITS: usize = 28;
/// The longest number that is looked at, in characters.
const NUMBER_LENGTH: usize = 64;
/// What a rate's unit is in units of the last of [`DECIMALS`].
const UNIT: u128 = 10_000_000_000;

/// The source's answer holds no rates.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UnreadableRates {
    /// Not JSON, or not in CoinGecko's shape.
    #[error("the answer has not the shape of CoinGecko's /simple/price")]
    Shape,
    /// A price is no number above zero that a rate can hold.
    #[error("the price in {0} is not a positive number that a rate can hold")]
    Price(&'static str),
    /// The prices do not say when they were found, and have no age.
    #[error("last_updated_at is not a Unix time in seconds")]
    Time,
}

#[derive(Deserialize)]
struct Answer<'a> {
    #[serde(borrow)]
    polkadot: Coin<'a>,
}

#[derive(Deserialize)]
struct Coin<'a> {
    #[serde(borrow)]
    usd: &'a RawValue,
    #[serde(borrow)]
    kes: &'a RawValue,
    #[serde(borrow)]
    last_updated_at: &'a RawValue,
}

/// The rates in the answer of `source`, read at `now`. Shillings for a dollar are the quotient of the two prices, rounded once.
/// A time to come counts as `now`: the clock of a source must not keep its rates young.
///
/// # Errors
/// [`UnreadableRates`]
pub fn read(body: &[u8], source: &str, now: Timestamp) -> Result<Rates, UnreadableRates> {
    let Answer { polkadot } = serde_json::from_slice(body).map_err(|_| UnreadableRates::Shape)?;
    let usd = price(polkadot.usd.get()).ok_or(UnreadableRates::Price("usd"))?;
    let kes = price(polkadot.kes.get()).ok_or(UnreadableRates::Price("kes"))?;
    let rate = |dividend: u128, divisor: u128| {
        let rounded = dividend.checked_add(divisor / 2)?.checked_div(divisor)?;
        u64::try_from(rounded).ok().filter(|rate| *rate > 0)
    };
    let ratio = kes.checked_mul(u128::from(RATE_ONE)).and_then(|scaled| rate(scaled, usd));
    Ok(Rates {
        usd_per_dot: rate(usd, UNIT).ok_or(UnreadableRates::Price("usd"))?,
        kes_per_usd: ratio.ok_or(UnreadableRates::Price("kes"))?,
        source: source.to_owned(),
        at: time(polkadot.last_updated_at.get()).ok_or(UnreadableRates::Time)?.min(now),
    })
}

/// A JSON number above zero, in units of the last of [`DECIMALS`].
fn price(text: &str) -> Option<u128> {
    if text.len() > NUMBER_LENGTH {
        return None;
    }
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, exponent.parse::<i16>().ok()?),
        None => (text, 0),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = format!("{whole}{fraction}");
    if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let shift = DECIMALS + i64::from(exponent) - i64::try_from(fraction.len()).ok()?;
    let digits = digits.trim_start_matches('0');
    let length = usize::try_from(i64::try_from(digits.len()).ok()? + shift).ok()?;
    if length > DIGITS {
        return None;
    }
    let kept = digits.get(..length.min(digits.len()))?;
    format!("{kept:0<length$}").parse().ok().filter(|value| *value > 0)
}

fn time(text: &str) -> Option<Timestamp> {
    let seconds: u32 = text.parse().ok()?;
    Some(Timestamp(i64::from(seconds) * 1000))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NOW: Timestamp = Timestamp(1_795_000_000_000);

    fn answer(usd: &str, kes: &str, at: &str) -> Vec<u8> {
        format!(r#"{{"polkadot":{{"usd":{usd},"kes":{kes},"last_updated_at":{at}}}}}"#).into_bytes()
    }

    fn rates(usd: &str, kes: &str) -> Result<(u64, u64), UnreadableRates> {
        read(&answer(usd, kes, "1794999940"), "test", NOW).map(|rates| (rates.usd_per_dot, rates.kes_per_usd))
    }

    #[test]
    fn both_rates_are_read_with_their_time() {
        let read = read(&answer("4.21", "544.1425", "1794999940"), "api.coingecko.com", NOW);
        let expected = Rates {
            usd_per_dot: 4_21_000_000,
            kes_per_usd: 129_25_000_000,
            source: "api.coingecko.com".into(),
            at: Timestamp(1_794_999_940_000),
        };
        assert_eq!(read, Ok(expected));
    }

    #[test]
    fn a_number_counts_as_it_is_written() {
        // 0.1 + 0.2 in floats is 0.30000000000000004, and sources send what they computed.
        assert_eq!(rates("0.30000000000000004", "1"), Ok((30_000_000, 3_33_333_333)));
        assert_eq!(rates("4.2e0", "4.2E+2"), Ok((4_20_000_000, 100_00_000_000)));
        assert_eq!(rates("42e-1", "0.042e4"), Ok((4_20_000_000, 100_00_000_000)));
        assert_eq!(rates("5e-9", "5e-9"), Ok((1, 1_00_000_000)), "the last digit is rounded");
        assert_eq!(rates("9999999999", "9999999999"), Ok((999_999_999_900_000_000, 1_00_000_000)));
    }

    #[test]
    fn what_prices_nothing_is_refused() {
        let too_long = format!("1.{}", "0".repeat(64));
        for bad in
            ["0", "0.0", "-4.2", "-0", "1e11", "1e400", "1e-400", "4.9e-9", "null", "\"4.2\"", "true", "[4]", &too_long]
        {
            assert_eq!(rates(bad, "544"), Err(UnreadableRates::Price("usd")), "{bad}");
        }
        for bad in ["0", "-1", "1e99", "null"] {
            assert_eq!(rates("4.2", bad), Err(UnreadableRates::Price("kes")), "{bad}");
        }
        assert_eq!(rates("9999999999", "1e-18"), Err(UnreadableRates::Price("kes")), "a rate of zero");
        for bad in ["null", "\"1794999940\"", "1794999940.5", "-1", "1794999940000", "1e9"] {
            assert_eq!(read(&answer("4.2", "544", bad), "test", NOW), Err(UnreadableRates::Time), "{bad}");
        }
        for bad in ["", "{}", "[]", "null", "<html>", r#"{"polkadot":{"usd":4.2}}"#, r#"{"bitcoin":{}}"#, "\u{feff}{}"]
        {
            assert_eq!(read(bad.as_bytes(), "test", NOW), Err(UnreadableRates::Shape), "{bad}");
        }
    }

    #[test]
    fn a_clock_that_runs_ahead_makes_no_rates_younger_than_now() {
        let read = read(&answer("4.2", "544", "1795000900"), "test", NOW).unwrap();
        assert_eq!(read.at, NOW);
    }

    proptest! {
        #[test]
        fn a_decimal_of_eight_digits_is_read_exactly(units in 1u64..1_000_000_000_000_000_000) {
            let text = format!("{}.{:08}", units / RATE_ONE, units % RATE_ONE);
            prop_assert_eq!(rates(&text, &text), Ok((units, RATE_ONE)));
        }

        #[test]
        fn whatever_is_answered_nothing_panics_and_no_rate_is_zero(usd in "-?[0-9]{1,20}(\\.[0-9]{1,20})?([eE][+-]?[0-9]{1,6})?", body: Vec<u8>) {
            if let Ok((usd_per_dot, kes_per_usd)) = rates(&usd, "544.1") {
                prop_assert!(usd_per_dot > 0 && kes_per_usd > 0);
            }
            let _read = read(&body, "test", NOW);
        }
    }
}
