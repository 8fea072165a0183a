//! Shillings as Daraja writes them: a decimal, as JSON number or string.

use std::str::FromStr;

use descrow_domain::Kes;

/// An amount in hundredths of a shilling, exact. Callbacks write `1.00` for one shilling.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct KesCents(pub u64);

/// The text is no amount of at least zero with at most two decimals that matter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an amount of shillings")]
pub struct InvalidKesCents;

impl KesCents {
    /// The amount in whole shillings; `None` when cents are left over or it is too large.
    pub fn whole(self) -> Option<Kes> {
        if !self.0.is_multiple_of(100) {
            return None;
        }
        u32::try_from(self.0 / 100).ok().map(Kes)
    }
}

impl From<Kes> for KesCents {
    fn from(amount: Kes) -> Self {
        Self(u64::from(amount.0) * 100)
    }
}

impl FromStr for KesCents {
    type Err = InvalidKesCents;

    /// Reads plain decimals and the exponents that Java writes for large numbers (`1.0E7`), digit by digit.
    fn from_str(text: &str) -> Result<Self, InvalidKesCents> {
        let (mantissa, exponent) = match text.split_once(['e', 'E']) {
            Some((mantissa, exponent)) => (mantissa, exponent.parse::<i8>().map_err(|_| InvalidKesCents)?),
            None => (text, 0),
        };
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let digits = format!("{whole}{fraction}");
        if whole.is_empty() || digits.len() > 30 || !digits.bytes().all(|b| b.is_ascii_digit()) {
            return Err(InvalidKesCents);
        }
        let value: u128 = digits.parse().map_err(|_| InvalidKesCents)?;
        // value · 10^(exponent + 2 - decimals) cents
        let decimals = i32::try_from(fraction.len()).map_err(|_| InvalidKesCents)?;
        let shift = i32::from(exponent) + 2 - decimals;
        let power = 10_u128.checked_pow(shift.unsigned_abs()).ok_or(InvalidKesCents)?;
        let cents = if shift >= 0 {
            value.checked_mul(power).ok_or(InvalidKesCents)?
        } else if value.is_multiple_of(power) {
            value / power
        } else {
            return Err(InvalidKesCents);
        };
        u64::try_from(cents).map(Self).map_err(|_| InvalidKesCents)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn an_amount_is_exact_however_it_is_written() {
        for (text, cents) in
            [("1.00", 100), ("1", 100), ("1.5", 150), ("0.010", 1), ("1.0E5", 10_000_000), ("5.00", 500)]
        {
            assert_eq!(text.parse(), Ok(KesCents(cents)), "{text}");
        }
        for text in ["", "-1", "+1", ".5", "1.001", "1,000", "KES 1", "1e99", "1e-5", "NaN", "1.2.3", &"9".repeat(31)] {
            assert_eq!(text.parse::<KesCents>(), Err(InvalidKesCents), "{text}");
        }
    }

    #[test]
    fn only_an_amount_without_cents_is_whole() {
        assert_eq!(KesCents(100).whole(), Some(Kes(1)));
        assert_eq!(KesCents(101).whole(), None);
        assert_eq!(KesCents(u64::MAX - 15).whole(), None);
    }

    proptest! {
        #[test]
        fn every_whole_amount_reads_back_from_what_daraja_writes(shillings: u32) {
            let read: KesCents = format!("{shillings}.00").parse().unwrap();
            prop_assert_eq!(read.whole(), Some(Kes(shillings)));
        }

        #[test]
        fn no_text_makes_the_parser_panic(text in "[-+0-9.eE]{0,40}") {
            let _ = text.parse::<KesCents>();
        }
    }
}
