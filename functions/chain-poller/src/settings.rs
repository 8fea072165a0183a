//! What the function is configured with.

use descrow_chain::{Address, Connector, EscrowContract, solidity::SolidityAbi};
use descrow_platform::{Config, aws};
use descrow_store::{Store, Table, Tables};

use crate::{Poller, consequence::Windows};

/// The tables it reads and writes.
const TABLES: [Table; 6] =
    [Table::Orders, Table::Users, Table::ChainCommands, Table::ChainState, Table::MpesaTransactions, Table::Ledger];

/// Reads the configuration and builds what follows from it. `None` notes in `config` what is wrong.
pub fn poller(config: &Config) -> Option<Poller> {
    let tables = Tables::from_config(config, &TABLES);
    let url = config.url("POLKADOT_WS_URL", &["ws", "wss"]);
    let address = config.parsed::<Address>("CONTRACT_ADDRESS");
    let abi = contract_abi(config);
    let shipping = config.parsed::<u32>("WINDOW_SHIPPING");
    let inspection = config.parsed::<u32>("WINDOW_INSPECTION");
    let from_block = match config.optional("CONTRACT_FROM_BLOCK") {
        Some(_) => config.parsed::<u64>("CONTRACT_FROM_BLOCK").map(Some),
        None => Some(None),
    };
    Some(Poller {
        store: Store::new(aws::dynamodb(&aws::sdk_config()), tables?),
        connector: Connector::new(url?),
        contract: EscrowContract::new(address?, abi?),
        windows: Windows { shipping: i64::from(shipping?), inspection: i64::from(inspection?) },
        from_block: from_block?,
    })
}

/// The contract's ABI: `CONTRACT_ABI` (JSON) where another than the reference contract is used.
fn contract_abi(config: &Config) -> Option<SolidityAbi> {
    let read = match config.optional("CONTRACT_ABI") {
        Some(json) => SolidityAbi::from_json(&json),
        None => SolidityAbi::reference(),
    };
    // The error names messages and events, never what the variable holds.
    read.inspect_err(|error| config.refuse("CONTRACT_ABI", error)).ok()
}
