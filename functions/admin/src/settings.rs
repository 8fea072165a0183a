//! What the function reads from its environment.

use descrow_domain::Kes;
use descrow_platform::Config;
use descrow_store::{Table, Tables};
use descrow_web::EdgeConfig;

/// The tables that the function may see.
const TABLES: [Table; 10] = [
    Table::Orders,
    Table::MpesaTransactions,
    Table::ChainCommands,
    Table::Ledger,
    Table::Users,
    Table::Sessions,
    Table::Notifications,
    Table::Audit,
    Table::Counters,
    Table::Limits,
];
/// The value of an order in shillings above which `FOUR_EYES_KES` wants a second admin where it does not say.
const FOUR_EYES_KES: u32 = 50_000;

/// The function's settings.
pub struct Settings {
    /// The edge's.
    pub edge: EdgeConfig,
    /// The tables it may see.
    pub tables: Tables,
    /// The bucket with documents.
    pub uploads: String,
    /// A dispute over more than this is decided by two admins.
    pub four_eyes_above: Kes,
}

impl Settings {
    /// Reads the edge's variables, the tables', `UPLOADS_BUCKET` and `FOUR_EYES_KES` (whole shillings; 0 wants a second admin
    /// always).
    pub fn read(config: &Config) -> Option<Self> {
        let edge = EdgeConfig::read(config);
        let tables = Tables::from_config(config, &TABLES);
        let uploads = config.required("UPLOADS_BUCKET");
        let four_eyes = config.parsed_or("FOUR_EYES_KES", FOUR_EYES_KES);
        Some(Self { edge: edge?, tables: tables?, uploads: uploads?, four_eyes_above: Kes(four_eyes?) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_variable_that_is_missing_or_wrong_is_named() {
        let wrong = [("FOUR_EYES_KES".to_owned(), "-1".to_owned())];
        let error = Config::from_values(wrong, Settings::read).err().unwrap().to_string();
        for name in ["JWT_SECRET", "CURSOR_SECRET", "TABLE_ORDERS", "TABLE_AUDIT", "TABLE_COUNTERS", "UPLOADS_BUCKET"] {
            assert!(error.contains(&format!("{name} is not set")), "{name}: {error}");
        }
        assert!(error.contains("FOUR_EYES_KES"), "{error}");
    }
}
