//! What the function is configured with.

use descrow_chain::{Address, Connector, EscrowContract, OracleSigner, solidity::SolidityAbi};
use descrow_platform::{Config, aws};
use descrow_store::{Store, Table, Tables};

use crate::Submitter;

/// Reads the configuration and builds what follows from it. `None` notes in `config` what is wrong.
pub fn submitter(config: &Config) -> Option<Submitter> {
    let tables = Tables::from_config(config, &[Table::ChainCommands, Table::ChainState, Table::Orders]);
    let url = config.url("POLKADOT_WS_URL", &["ws", "wss"]);
    let address = config.parsed::<Address>("CONTRACT_ADDRESS");
    let abi = contract_abi(config);
    let signer = config.secret("ORACLE_SEED", 1).and_then(|seed| {
        OracleSigner::from_secret(&seed).inspect_err(|error| config.refuse("ORACLE_SEED", error)).ok()
    });
    Some(Submitter {
        store: Store::new(aws::dynamodb(&aws::sdk_config()), tables?),
        connector: Connector::new(url?),
        contract: EscrowContract::new(address?, abi?),
        signer: signer?,
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
