//! What the function reads from its environment.

use descrow_platform::Config;
use descrow_store::{Table, Tables};
use descrow_web::EdgeConfig;
use url::Url;

/// The tables that the function may see.
const TABLES: [Table; 5] = [Table::Notifications, Table::Messages, Table::Sessions, Table::Users, Table::Limits];

/// The function's settings.
pub struct Settings {
    /// The edge's.
    pub edge: EdgeConfig,
    /// The tables it may see.
    pub tables: Tables,
    /// Where clients connect.
    pub websocket: Url,
}

impl Settings {
    /// Reads the edge's variables, `TABLE_NOTIFICATIONS`, `TABLE_MESSAGES`, `TABLE_SESSIONS`, `TABLE_USERS`, `TABLE_LIMITS` and `WS_URL`.
    pub fn read(config: &Config) -> Option<Self> {
        let edge = EdgeConfig::read(config);
        let tables = Tables::from_config(config, &TABLES);
        let websocket = config.parsed::<Url>("WS_URL").filter(|url| {
            let known = matches!(url.scheme(), "ws" | "wss");
            if !known {
                config.refuse("WS_URL", "is not a ws or wss URL");
            }
            known
        });
        Some(Self { edge: edge?, tables: tables?, websocket: websocket? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_variable_that_is_missing_or_wrong_is_named() {
        let wrong = [("WS_URL".to_owned(), "https://ws.descrow.io".to_owned())];
        let error = Config::from_values(wrong, Settings::read).err().unwrap().to_string();
        for name in
            ["JWT_SECRET", "AUTH_DOMAIN", "CURSOR_SECRET", "TABLE_NOTIFICATIONS", "TABLE_SESSIONS", "TABLE_LIMITS"]
        {
            assert!(error.contains(&format!("{name} is not set")), "{name}: {error}");
        }
        assert!(error.contains("WS_URL is not a ws or wss URL"), "{error}");
    }
}
