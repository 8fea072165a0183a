//! What the function reads from its environment.

use descrow_platform::Config;
use descrow_store::{Table, Tables};
use descrow_web::EdgeConfig;

/// The tables that the function may see.
const TABLES: [Table; 4] = [Table::MpesaTransactions, Table::Users, Table::Sessions, Table::Limits];

/// The function's settings.
pub struct Settings {
    /// The edge's.
    pub edge: EdgeConfig,
    /// The tables it may see.
    pub tables: Tables,
    /// The queue of whoever asks M-Pesa about a payment.
    pub checks: String,
}

impl Settings {
    /// Reads the edge's variables, the tables' and `QUEUE_MPESA_CALLBACKS`.
    pub fn read(config: &Config) -> Option<Self> {
        let edge = EdgeConfig::read(config);
        let tables = Tables::from_config(config, &TABLES);
        let checks = config.required("QUEUE_MPESA_CALLBACKS");
        Some(Self { edge: edge?, tables: tables?, checks: checks? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_variable_that_is_missing_is_named() {
        let none: [(String, String); 0] = [];
        let error = Config::from_values(none, Settings::read).err().unwrap().to_string();
        for name in ["JWT_SECRET", "CURSOR_SECRET", "TABLE_MPESA_TRANSACTIONS", "TABLE_LIMITS", "QUEUE_MPESA_CALLBACKS"]
        {
            assert!(error.contains(&format!("{name} is not set")), "{name}: {error}");
        }
    }
}
