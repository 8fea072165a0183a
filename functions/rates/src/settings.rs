//! What the function reads from its environment.

use descrow_domain::rates::Pricing;
use descrow_platform::Config;
use descrow_store::{Table, Tables};
use descrow_web::EdgeConfig;

/// The tables that the function may see.
const TABLES: [Table; 4] = [Table::Rates, Table::Sessions, Table::Users, Table::Limits];

/// The function's settings.
pub struct Settings {
    /// The edge's.
    pub edge: EdgeConfig,
    /// The tables it may see.
    pub tables: Tables,
    /// Where the rates come from.
    pub pricing: Pricing,
}

impl Settings {
    /// Reads the edge's variables, the tables', and what [`descrow_store::pricing`] reads.
    pub fn read(config: &Config) -> Option<Self> {
        let edge = EdgeConfig::read(config);
        let tables = Tables::from_config(config, &TABLES);
        let pricing = descrow_store::pricing(config);
        Some(Self { edge: edge?, tables: tables?, pricing: pricing? })
    }
}
