//! What the function reads from its environment.

use descrow_chain::EscrowContract;
use descrow_platform::Config;
use descrow_store::{Table, Tables};
use descrow_web::EdgeConfig;

/// The tables that the function may see; payments by M-Pesa for what it says of orders that they pay.
const TABLES: [Table; 5] = [Table::Orders, Table::Users, Table::Sessions, Table::Limits, Table::MpesaTransactions];

/// The function's settings.
pub struct Settings {
    /// The edge's.
    pub edge: EdgeConfig,
    /// The tables it may see.
    pub tables: Tables,
    /// JSON-RPC of a node of the chain.
    pub node: String,
    /// The contract that is paid.
    pub contract: EscrowContract,
}

impl Settings {
    /// Reads the edge's variables, the tables', `POLKADOT_WS_URL`, `CONTRACT_ADDRESS` and `CONTRACT_ABI`.
    pub fn read(config: &Config) -> Option<Self> {
        let edge = EdgeConfig::read(config);
        let tables = Tables::from_config(config, &TABLES);
        let node = config.url("POLKADOT_WS_URL", &["ws", "wss"]);
        let contract = EscrowContract::read(config);
        Some(Self { edge: edge?, tables: tables?, node: node?, contract: contract? })
    }
}
