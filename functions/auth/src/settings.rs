//! What the family is configured with.

use std::collections::BTreeSet;

use descrow_domain::Account;
use descrow_platform::Config;
use descrow_store::{Table, Tables};
use descrow_web::EdgeConfig;

use crate::wallet;

/// Seconds that a session lives without being used, where `REFRESH_EXPIRES_IN` does not say: 30 days.
const REFRESH_LIFETIME: i64 = 30 * 24 * 3600;
/// The longest that can be asked for: a year.
const REFRESH_LIFETIME_MAX: i64 = 365 * 24 * 3600;

/// Settings that only this family has.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The frontend's domain, which the signed message names (`AUTH_DOMAIN`).
    pub domain: String,
    /// Who becomes an admin at registration (`ADMIN_ACCOUNTS`, comma-separated): the deployer's decision, since nobody
    /// can give the role to itself.
    pub admins: BTreeSet<Account>,
    /// Seconds that a session lives without being used (`REFRESH_EXPIRES_IN`).
    pub refresh_lifetime: i64,
}

/// Everything that the function reads from its environment.
pub struct Environment {
    /// The edge's settings.
    pub edge: EdgeConfig,
    /// The family's own.
    pub settings: Settings,
    /// Its tables.
    pub tables: Tables,
    /// The bucket for documents (`UPLOADS_BUCKET`).
    pub uploads: String,
}

impl Environment {
    /// Reads it, noting in `config` what is wrong.
    pub fn read(config: &Config) -> Option<Self> {
        let edge = EdgeConfig::read(config);
        let tables = Tables::from_config(config, &[Table::Users, Table::Sessions, Table::Notifications, Table::Limits]);
        let settings = Settings::read(config);
        let uploads = config.required("UPLOADS_BUCKET");
        Some(Self { edge: edge?, settings: settings?, tables: tables?, uploads: uploads? })
    }
}

impl Settings {
    fn read(config: &Config) -> Option<Self> {
        let domain = config.required("AUTH_DOMAIN");
        let listed = config.optional("ADMIN_ACCOUNTS").unwrap_or_default();
        let entries = listed.split(',').map(str::trim).filter(|entry| !entry.is_empty());
        let admins: Option<_> = entries.map(|entry| wallet::parse_account(entry).ok()).collect();
        if admins.is_none() {
            config.refuse("ADMIN_ACCOUNTS", "is not a comma-separated list of accounts");
        }
        let refresh_lifetime = config.parsed_or("REFRESH_EXPIRES_IN", REFRESH_LIFETIME)?;
        if !(60..=REFRESH_LIFETIME_MAX).contains(&refresh_lifetime) {
            config.refuse("REFRESH_EXPIRES_IN", "is not 60 to 31536000 seconds");
            return None;
        }
        Some(Self { domain: domain?, admins: admins?, refresh_lifetime })
    }
}
