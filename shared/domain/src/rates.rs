//! Exchange rates and the quote that an order keeps for good.

mod current;
pub mod feed;

use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::{
    Kes, Planck, Timestamp, UsdCents,
    money::{InvalidAmount, PLANCK_PER_DOT, parse_decimal},
};

pub use current::{Bounds, Candidate, CurrentRates, Judged, NotQuotable, Pricing};

/// A rate's unit: one is 10⁸.
pub const RATE_ONE: u64 = 100_000_000;
/// Decimals of a rate.
const RATE_DECIMALS: usize = 8;
/// Whole digits of a rate: ten and eight decimals fit 64 bits.
const RATE_DIGITS: usize = 10;

/// A price in units of 10⁻⁸, as configuration writes it: a decimal such as `4.20`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate(pub u64);

/// The text is no price.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidRate {
    /// It is no decimal of that size.
    #[error(transparent)]
    Malformed(#[from] InvalidAmount),
    /// What costs nothing cannot be priced in it.
    #[error("must be more than zero")]
    Zero,
}

impl FromStr for Rate {
    type Err = InvalidRate;

    fn from_str(text: &str) -> Result<Self, InvalidRate> {
        match u64::try_from(parse_decimal(text, RATE_DECIMALS, RATE_DIGITS)?) {
            Ok(0) => Err(InvalidRate::Zero),
            Ok(scaled) => Ok(Self(scaled)),
            Err(_) => Err(InvalidAmount::TooLarge.into()),
        }
    }
}

/// The dollar value of an amount of DOT at `usd_per_dot`, rounded to the nearest cent.
///
/// # Errors
/// [`Unquotable`] when the rate is zero or the value does not fit.
pub fn dot_to_usd(amount: Planck, usd_per_dot: Rate) -> Result<UsdCents, Unquotable> {
    if usd_per_dot.0 == 0 {
        return Err(Unquotable::ZeroRate);
    }
    let unit = PLANCK_PER_DOT * u128::from(RATE_ONE);
    let scaled = amount.0.checked_mul(u128::from(usd_per_dot.0)).and_then(|v| v.checked_mul(100));
    let cents = scaled.ok_or(Unquotable::OutOfRange)?.saturating_add(unit / 2) / unit;
    u64::try_from(cents).map(UsdCents).map_err(|_| Unquotable::OutOfRange)
}

/// What one DOT and one dollar cost, with where and when that was read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Rates {
    /// Dollars for one DOT, times 10⁸.
    pub usd_per_dot: u64,
    /// Shillings for one dollar, times 10⁸.
    pub kes_per_usd: u64,
    /// Where the rates come from, for people: `configuration`, or a source's name.
    pub source: String,
    /// When they were read.
    pub at: Timestamp,
}

/// The amounts of an order, in each unit, fixed at its creation with the rates used.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Quote {
    /// What a DOT buyer pays, and what the contract is told.
    pub amount: Planck,
    /// The same in dollars.
    pub usd: UsdCents,
    /// What an M-Pesa buyer pays, rounded up to whole shillings.
    pub kes: Kes,
    /// The rates used.
    pub rates: Rates,
}

impl Quote {
    /// The shillings that are at stake, whichever way the order is paid: its prices in DOT and in dollars are the seller's free
    /// choice, so the dearer one counts, at the rates fixed on the order. `None` where it cannot be told.
    pub fn at_stake(&self) -> Option<Kes> {
        let of_dot = self.rates.dot_to_usd(self.amount).and_then(|usd| self.rates.usd_to_kes(usd));
        of_dot.ok().map(|kes| kes.max(self.kes))
    }
}

/// The rates cannot price this amount.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unquotable {
    /// A rate is zero.
    #[error("exchange rate is zero")]
    ZeroRate,
    /// The price would be nothing in dollars.
    #[error("amount is less than a cent")]
    LessThanACent,
    /// The amount is more than shillings or dollars can say.
    #[error("amount is out of range")]
    OutOfRange,
}

impl Rates {
    /// The dollar value of an amount of DOT, rounded to the nearest cent.
    ///
    /// # Errors
    /// [`Unquotable`] when the rate is zero or the value does not fit.
    pub fn dot_to_usd(&self, amount: Planck) -> Result<UsdCents, Unquotable> {
        dot_to_usd(amount, Rate(self.usd_per_dot))
    }

    /// The price in dollars of what is priced in DOT alone, rounded to the nearest cent.
    ///
    /// # Errors
    /// [`Unquotable`] when the rate is zero, or the price is less than a cent or more than [`UsdCents::MAX`].
    pub fn price_in_usd(&self, price: Planck) -> Result<UsdCents, Unquotable> {
        match self.dot_to_usd(price)? {
            UsdCents(0) => Err(Unquotable::LessThanACent),
            price if price > UsdCents::MAX => Err(Unquotable::OutOfRange),
            price => Ok(price),
        }
    }

    /// The shillings that buy `usd`, rounded up: the escrow never collects less than the price.
    ///
    /// # Errors
    /// [`Unquotable`] when the rate is zero or the value does not fit.
    pub fn usd_to_kes(&self, usd: UsdCents) -> Result<Kes, Unquotable> {
        if self.kes_per_usd == 0 {
            return Err(Unquotable::ZeroRate);
        }
        let unit = u128::from(RATE_ONE) * 100;
        let shillings = (u128::from(usd.0) * u128::from(self.kes_per_usd)).div_ceil(unit);
        u32::try_from(shillings).map(Kes).map_err(|_| Unquotable::OutOfRange)
    }

    /// Fixes the amounts of an order for a product priced in DOT and dollars.
    ///
    /// # Errors
    /// [`Unquotable`] when an amount cannot be priced.
    pub fn quote(&self, amount: Planck, usd: UsdCents) -> Result<Quote, Unquotable> {
        Ok(Quote { amount, usd, kes: self.usd_to_kes(usd)?, rates: self.clone() })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn rates() -> Rates {
        Rates {
            usd_per_dot: 4_20_000_000,
            kes_per_usd: 129_45_000_000,
            source: "configuration".into(),
            at: Timestamp(0),
        }
    }

    #[test]
    fn shillings_are_rounded_up_to_whole_ones() {
        assert_eq!(rates().usd_to_kes(UsdCents(1)), Ok(Kes(2)));
        assert_eq!(rates().usd_to_kes(UsdCents(10_000)), Ok(Kes(12_945)));
        assert_eq!(rates().dot_to_usd(Planck(PLANCK_PER_DOT)), Ok(UsdCents(420)));
    }

    #[test]
    fn a_rate_is_read_from_its_decimal() {
        assert_eq!("4.20".parse(), Ok(Rate(4_20_000_000)));
        assert_eq!("129.45".parse(), Ok(Rate(129_45_000_000)));
        assert_eq!("9999999999.99999999".parse(), Ok(Rate(999_999_999_999_999_999)));
        for bad in ["", "-1", "1e3", "4,2", "0.123456789", "10000000000"] {
            assert!(matches!(bad.parse::<Rate>(), Err(InvalidRate::Malformed(_))), "{bad}");
        }
        for zero in ["0", "0.0", "0.00000000"] {
            assert_eq!(zero.parse::<Rate>(), Err(InvalidRate::Zero), "{zero}");
        }
        assert_eq!("0.00000001".parse(), Ok(Rate(1)));
    }

    #[test]
    fn a_price_in_dollars_is_at_least_a_cent_and_fits_its_column() {
        let rates = rates();
        // At 4.20 dollars for a DOT half a cent is 0.001190476... DOT, and is rounded up.
        for (dot, expected) in [
            ("0.00000001", Err(Unquotable::LessThanACent)),
            ("0.00119047", Err(Unquotable::LessThanACent)),
            ("0.00119048", Ok(UsdCents(1))),
            ("23809523.80", Ok(UsdCents(9_999_999_996))),
            ("23809523.80833333", Ok(UsdCents::MAX)),
            ("23809523.80833334", Err(Unquotable::OutOfRange)),
            ("9999999999.99999999", Err(Unquotable::OutOfRange)),
        ] {
            assert_eq!(rates.price_in_usd(Planck::from_dot(dot).unwrap()), expected, "{dot}");
        }
        assert_eq!(rates.price_in_usd(Planck(u128::MAX)), Err(Unquotable::OutOfRange));
        assert_eq!(UsdCents::from_usd("99999999.99"), Ok(UsdCents::MAX));
    }

    #[test]
    fn a_rate_of_zero_prices_nothing() {
        let zero = Rates { usd_per_dot: 0, kes_per_usd: 0, ..rates() };
        assert_eq!(zero.usd_to_kes(UsdCents(1)), Err(Unquotable::ZeroRate));
        assert_eq!(zero.dot_to_usd(Planck(1)), Err(Unquotable::ZeroRate));
    }

    #[test]
    fn what_is_at_stake_is_the_dearer_of_the_two_prices() {
        let quote = |dot: u128, cents| rates().quote(Planck(dot * PLANCK_PER_DOT), UsdCents(cents)).unwrap();
        assert_eq!(quote(1, 10_000).at_stake(), Some(Kes(12_945)));
        assert_eq!(quote(50_000, 1).at_stake(), Some(Kes(27_184_500)), "a cent hides no fortune in DOT");
        let too_much = Quote { amount: Planck(u128::MAX), ..quote(1, 1) };
        let priceless = Quote { rates: Rates { usd_per_dot: 0, ..rates() }, ..quote(1, 1) };
        assert_eq!((too_much.at_stake(), priceless.at_stake()), (None, None));
    }

    proptest! {
        #[test]
        fn more_dollars_never_cost_fewer_shillings(usd in 0u64..1_000_000_000, kes_per_usd in 1u64..1_000_000_000_000) {
            let rates = Rates { kes_per_usd, ..rates() };
            if let (Ok(less), Ok(more)) = (rates.usd_to_kes(UsdCents(usd)), rates.usd_to_kes(UsdCents(usd + 1))) {
                prop_assert!(less <= more);
                prop_assert!(u128::from(less.0) * 100 * u128::from(RATE_ONE) >= u128::from(usd) * u128::from(kes_per_usd));
            }
        }
    }
}
