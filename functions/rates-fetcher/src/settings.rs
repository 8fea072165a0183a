//! What the function reads from its environment.

use descrow_domain::rates::Bounds;
use descrow_platform::Config;
use descrow_store::{Table, Tables};
use url::Url;

use crate::Source;

/// The function's settings.
pub struct Settings {
    /// The one table it may see.
    pub tables: Tables,
    /// Whom to ask; nobody where rates come from configuration.
    pub source: Option<Source>,
    /// How far it is trusted.
    pub bounds: Bounds,
}

impl Settings {
    /// Reads `TABLE_RATES`, `RATES_SOURCE_URL` (http or https; may be empty), and what [`descrow_store::rate_bounds`] reads.
    pub fn read(config: &Config) -> Option<Self> {
        let tables = Tables::from_config(config, &[Table::Rates]);
        let bounds = descrow_store::rate_bounds(config);
        let source = match config.optional("RATES_SOURCE_URL") {
            None => Some(None),
            Some(_) => config.url("RATES_SOURCE_URL", &["http", "https"]).and_then(|text| source(config, &text)),
        };
        Some(Self { tables: tables?, source: source?, bounds: bounds? })
    }
}

/// Said with `Some` inside, since absence is a setting as well.
#[allow(clippy::option_option, reason = "unreadable, absent and given are three things")]
fn source(config: &Config, text: &str) -> Option<Option<Source>> {
    let base: Option<Url> = text.parse().ok();
    let source = base.and_then(|base| Source::new(&base).ok());
    if source.is_none() {
        config.refuse("RATES_SOURCE_URL", "is not a URL that rates can be fetched from");
    }
    source.map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(url: &str) -> Result<Settings, String> {
        let values = [("TABLE_RATES", "rates"), ("RATES_SOURCE_URL", url)];
        let values = values.map(|(name, value)| (name.to_owned(), value.to_owned()));
        Config::from_values(values, Settings::read).map_err(|error| error.to_string())
    }

    #[test]
    fn the_source_may_be_absent_and_is_http_where_it_is_there() {
        assert!(read("").unwrap().source.is_none());
        let source = read("https://api.coingecko.com/api/v3").unwrap().source.unwrap();
        assert_eq!(source.name(), "api.coingecko.com");
        let refused = read("ftp://hunter2").err().unwrap();
        assert_eq!(refused, "bad configuration: RATES_SOURCE_URL is not a URL with http or https");
    }
}
