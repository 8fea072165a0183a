//! What the function is configured with.

use descrow_chain::{Connector, EscrowContract};
use descrow_platform::{Config, aws};
use descrow_store::{Store, Table, Tables};

use crate::{Poller, consequence::Windows};

/// The tables it reads and writes.
const TABLES: [Table; 7] = [
    Table::Orders,
    Table::Users,
    Table::Products,
    Table::ChainCommands,
    Table::ChainState,
    Table::MpesaTransactions,
    Table::Ledger,
];

/// Reads the configuration and builds what follows from it. `None` notes in `config` what is wrong.
pub fn poller(config: &Config) -> Option<Poller> {
    let tables = Tables::from_config(config, &TABLES);
    let url = config.url("POLKADOT_WS_URL", &["ws", "wss"]);
    let contract = EscrowContract::read(config);
    let shipping = config.parsed::<u32>("WINDOW_SHIPPING");
    let inspection = config.parsed::<u32>("WINDOW_INSPECTION");
    let evidence = config.parsed::<u32>("WINDOW_EVIDENCE");
    let from_block = match config.optional("CONTRACT_FROM_BLOCK") {
        Some(_) => config.parsed::<u64>("CONTRACT_FROM_BLOCK").map(Some),
        None => Some(None),
    };
    Some(Poller {
        store: Store::new(aws::dynamodb(&aws::sdk_config()), tables?),
        connector: Connector::new(url?),
        contract: contract?,
        windows: Windows {
            shipping: i64::from(shipping?),
            inspection: i64::from(inspection?),
            evidence: i64::from(evidence?),
        },
        from_block: from_block?,
    })
}
