//! Kenyan mobile numbers in the form M-Pesa takes them.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, de};

/// An MSISDN: 254, then 1 or 7, then eight digits (DARAJA.md §3.1). Personal data: its `Debug` is masked and it has no `Display`; the
/// digits are given out by [`Msisdn::digits`] alone, which is easy to search for.
#[derive(Clone, PartialEq, Eq, Hash, Serialize)]
#[serde(transparent)]
pub struct Msisdn(String);

/// The text is not a number that M-Pesa serves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be a Kenyan mobile number as 254 followed by 1 or 7 and eight digits")]
pub struct InvalidMsisdn;

impl Msisdn {
    /// The twelve digits, for M-Pesa and for the owner's own profile.
    pub fn digits(&self) -> &str {
        &self.0
    }

    /// `2547*****149`: enough for its owner to recognise, too little for anybody else.
    pub fn masked(&self) -> String {
        let tail = self.0.get(9..).unwrap_or_default();
        format!("{}*****{tail}", self.0.get(..4).unwrap_or_default())
    }
}

impl fmt::Debug for Msisdn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.masked())
    }
}

impl FromStr for Msisdn {
    type Err = InvalidMsisdn;

    fn from_str(text: &str) -> Result<Self, InvalidMsisdn> {
        let rest = text.strip_prefix("2547").or_else(|| text.strip_prefix("2541")).ok_or(InvalidMsisdn)?;
        if rest.len() == 8 && rest.bytes().all(|b| b.is_ascii_digit()) {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidMsisdn)
        }
    }
}

impl<'de> Deserialize<'de> for Msisdn {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_form_that_daraja_takes_is_accepted() {
        for good in ["254708374149", "254110000000"] {
            assert_eq!(good.parse::<Msisdn>().unwrap().digits(), good);
        }
        for bad in ["+254708374149", "0708374149", "25470837414", "2547083741499", "254208374149", "25470837414x", ""] {
            assert_eq!(bad.parse::<Msisdn>(), Err(InvalidMsisdn), "{bad}");
        }
    }

    #[test]
    fn debug_never_shows_the_whole_number() {
        let phone: Msisdn = "254708374149".parse().unwrap();
        assert_eq!(format!("{phone:?}"), "2547*****149");
    }
}
