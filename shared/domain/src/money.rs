//! Money is an integer with its unit in the type. No floats: a planck, a cent or a shilling is never lost or made.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// Planck in one DOT: DOT has ten decimals.
pub const PLANCK_PER_DOT: u128 = 10_000_000_000;
/// Decimals of a DOT amount that a user may write (`DECIMAL(18,8)` in the schema).
const DOT_INPUT_DECIMALS: usize = 8;
/// Whole digits of a DOT amount that a user may write (`DECIMAL(18,8)`).
const DOT_INPUT_DIGITS: usize = 10;
/// The largest sum that M-Pesa moves at once, in whole shillings (DARAJA.md §3.1).
pub const KES_MAX: u32 = 250_000;
/// The smallest B2C payout, in whole shillings (DARAJA.md §5.1).
pub const KES_PAYOUT_MIN: u32 = 10;

/// DOT in planck, 10⁻¹⁰ DOT. Serialised as a decimal string of planck: JSON numbers do not carry 128 bits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Planck(pub u128);

/// US dollars in cents.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct UsdCents(pub u64);

/// Kenyan shillings, whole: M-Pesa moves no cents.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Kes(pub u32);

/// Why a decimal amount was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidAmount {
    /// Not digits with at most one decimal point: signs, exponents and spaces are refused.
    #[error("must be a decimal number such as 12.5")]
    Malformed,
    /// More decimals than the unit shows.
    #[error("has more than {0} decimals")]
    TooPrecise(usize),
    /// More digits before the point than the schema holds.
    #[error("is too large")]
    TooLarge,
}

/// Reads `text` as an integer count of `10^-decimals`.
pub(crate) fn parse_decimal(text: &str, decimals: usize, whole_digits: usize) -> Result<u128, InvalidAmount> {
    let (whole, fraction) = match text.split_once('.') {
        Some((whole, fraction)) if !fraction.is_empty() => (whole, fraction),
        Some(_) => return Err(InvalidAmount::Malformed),
        None => (text, ""),
    };
    if whole.is_empty() || !whole.bytes().chain(fraction.bytes()).all(|b| b.is_ascii_digit()) {
        return Err(InvalidAmount::Malformed);
    }
    if fraction.len() > decimals {
        return Err(InvalidAmount::TooPrecise(decimals));
    }
    let whole = whole.trim_start_matches('0');
    if whole.len() > whole_digits {
        return Err(InvalidAmount::TooLarge);
    }
    format!("{whole:0>1}{fraction:0<decimals$}").parse().map_err(|_| InvalidAmount::TooLarge)
}

impl Planck {
    /// Reads an amount of DOT as users write it: at most ten digits, a point and eight decimals.
    ///
    /// # Errors
    /// [`InvalidAmount`] says what is wrong with the text.
    pub fn from_dot(text: &str) -> Result<Self, InvalidAmount> {
        let hundreds = parse_decimal(text, DOT_INPUT_DECIMALS, DOT_INPUT_DIGITS)?;
        Ok(Self(hundreds.saturating_mul(100)))
    }

    /// The amount in DOT, exact, without superfluous zeros: at most eight decimals for every amount a user can write,
    /// ten where single planck matter.
    pub fn to_dot(self) -> String {
        let (whole, fraction) = (self.0 / PLANCK_PER_DOT, self.0 % PLANCK_PER_DOT);
        if fraction == 0 {
            return whole.to_string();
        }
        format!("{whole}.{fraction:010}").trim_end_matches('0').to_owned()
    }

    /// Splits by basis points; the rounding goes to the buyer, and the parts sum to the whole. `None` above 10,000.
    pub fn split(self, seller_bps: u16) -> Option<Split<Self>> {
        if seller_bps > 10_000 {
            return None;
        }
        let bps = u128::from(seller_bps);
        // whole·bps/10⁴ without overflow: the quotient and the remainder are scaled apart.
        let seller = self.0 / 10_000 * bps + self.0 % 10_000 * bps / 10_000;
        Some(Split { buyer: Self(self.0 - seller), seller: Self(seller) })
    }
}

impl UsdCents {
    /// The most that a price can be: `DECIMAL(10,2)`.
    pub const MAX: Self = Self(9_999_999_999);

    /// Reads dollars as users write them: at most eight digits, a point and two decimals (`DECIMAL(10,2)`).
    ///
    /// # Errors
    /// [`InvalidAmount`] says what is wrong with the text.
    pub fn from_usd(text: &str) -> Result<Self, InvalidAmount> {
        let cents = parse_decimal(text, 2, 8)?;
        u64::try_from(cents).map(Self).map_err(|_| InvalidAmount::TooLarge)
    }

    /// Dollars with two decimals.
    pub fn to_usd(self) -> String {
        format!("{}.{:02}", self.0 / 100, self.0 % 100)
    }
}

impl Kes {
    /// Splits by basis points; the rounding goes to the buyer, and the parts sum to the whole. `None` above 10,000.
    pub fn split(self, seller_bps: u16) -> Option<Split<Self>> {
        if seller_bps > 10_000 {
            return None;
        }
        let seller = u32::try_from(u64::from(self.0) * u64::from(seller_bps) / 10_000).ok()?;
        Some(Split { buyer: Self(self.0 - seller), seller: Self(seller) })
    }

    /// Whether one M-Pesa payment can carry the amount: 1 to 250,000 shillings.
    pub fn payable(self) -> bool {
        (1..=KES_MAX).contains(&self.0)
    }
}

/// The two sides of a split sum.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Split<T> {
    /// What goes back to the buyer, with the rounding.
    pub buyer: T,
    /// What the seller gets.
    pub seller: T,
}

impl fmt::Display for Planck {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl FromStr for Planck {
    type Err = InvalidAmount;
    /// Reads a whole number of planck.
    fn from_str(text: &str) -> Result<Self, InvalidAmount> {
        if text.is_empty() || !text.bytes().all(|b| b.is_ascii_digit()) {
            return Err(InvalidAmount::Malformed);
        }
        text.parse().map(Self).map_err(|_| InvalidAmount::TooLarge)
    }
}

impl Serialize for Planck {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Planck {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn dot_is_read_as_users_write_it_and_nothing_else() {
        for (text, planck) in
            [("0", 0), ("1", PLANCK_PER_DOT), ("007.5", 75_000_000_000), ("0.00000001", 100), ("12.3", 123_000_000_000)]
        {
            assert_eq!(Planck::from_dot(text), Ok(Planck(planck)), "{text}");
        }
        assert_eq!(Planck::from_dot("0.000000001"), Err(InvalidAmount::TooPrecise(8)));
        assert_eq!(Planck::from_dot("12345678901"), Err(InvalidAmount::TooLarge));
        for text in ["", ".", "1.", ".5", "-1", "+1", "1e3", "1,5", " 1", "1 ", "٣", "0x10", "NaN", "1.2.3"] {
            assert_eq!(Planck::from_dot(text), Err(InvalidAmount::Malformed), "{text}");
        }
    }

    #[test]
    fn dollars_have_two_decimals() {
        assert_eq!(UsdCents::from_usd("25.5"), Ok(UsdCents(2550)));
        assert_eq!(UsdCents(2550).to_usd(), "25.50");
        assert_eq!(UsdCents::from_usd("0.001"), Err(InvalidAmount::TooPrecise(2)));
        assert_eq!(UsdCents::from_usd("123456789"), Err(InvalidAmount::TooLarge));
    }

    #[test]
    fn a_single_planck_is_shown() {
        assert_eq!(Planck(1).to_dot(), "0.0000000001");
        assert_eq!(Planck(u128::MAX).to_dot(), "34028236692093846346337460743.1768211455");
    }

    proptest! {
        #[test]
        fn an_amount_of_dot_reads_back_exactly(hundreds in 0u64..1_000_000_000_000_000_000) {
            let amount = Planck(u128::from(hundreds) * 100);
            prop_assert_eq!(Planck::from_dot(&amount.to_dot()), Ok(amount));
            prop_assert!(amount.to_dot().split_once('.').is_none_or(|(_, fraction)| fraction.len() <= 8));
        }

        #[test]
        fn a_split_sums_to_the_whole_and_rounds_to_the_buyer(whole: u128, kes: u32, bps in 0u16..=10_000) {
            let dot = Planck(whole).split(bps).unwrap();
            prop_assert_eq!(dot.buyer.0 + dot.seller.0, whole);
            let shillings = Kes(kes).split(bps).unwrap();
            prop_assert_eq!(shillings.buyer.0 + shillings.seller.0, kes);
            prop_assert!(u64::from(shillings.seller.0) * 10_000 <= u64::from(kes) * u64::from(bps));
        }

        #[test]
        fn a_share_above_the_whole_is_refused(bps in 10_001u16..) {
            prop_assert_eq!(Planck(1).split(bps), None);
            prop_assert_eq!(Kes(1).split(bps), None);
        }
    }
}
