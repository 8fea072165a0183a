//! The price in dollars of a product that its seller priced in DOT alone.

use descrow_domain::{
    Planck, Timestamp, UsdCents,
    rates::{CurrentRates, Unquotable},
};
use descrow_web::{ApiError, Code, FieldProblem};

use crate::Products;

/// What `price` is in dollars at the rates of this moment; `row` are those that were fetched.
pub(crate) fn dollars(app: &Products, price: Planck, row: Option<&CurrentRates>) -> Result<UsdCents, ApiError> {
    let rates = app.pricing.rates(row, Timestamp::now())?;
    rates.dot_to_usd(price).map_err(|error| match error {
        Unquotable::OutOfRange => {
            let message = "is too large to be priced in dollars".to_owned();
            ApiError::validation(vec![FieldProblem { field: "priceDot".to_owned(), message }])
        }
        Unquotable::ZeroRate => ApiError::caused(Code::RatesUnavailable, error),
    })
}
