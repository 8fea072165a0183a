//! The price in dollars of a product that its seller priced in DOT alone.

use descrow_domain::{
    Planck, Timestamp, UsdCents,
    rates::{CurrentRates, Unquotable},
};
use descrow_web::{ApiError, Code};

use crate::Products;

/// What `price` is in dollars at the rates of this moment; `row` are those that were fetched.
pub(crate) fn dollars(app: &Products, price: Planck, row: Option<&CurrentRates>) -> Result<UsdCents, ApiError> {
    let rates = app.pricing.rates(row, Timestamp::now())?;
    let refuse = |message| ApiError::field("priceDot", message);
    rates.price_in_usd(price).map_err(|error| match error {
        Unquotable::LessThanACent => refuse("is less than a cent at the rate of the day: give priceUsd with it"),
        Unquotable::OutOfRange => {
            refuse("is more than 99999999.99 dollars at the rate of the day: give priceUsd with it")
        }
        Unquotable::ZeroRate => ApiError::caused(Code::RatesUnavailable, error),
    })
}
