//! The reference escrow contract: its Solidity source is `src/Escrow.sol`, its compiled artefact `artifact/Escrow.json`.
//!
//! The artefact is committed so that nothing needs the Solidity compiler to build; a test holds it equal to a fresh compile.

/// The artefact: `{contract, compiler, openzeppelin, settings, abi, bytecode}` as JSON; `bytecode` is 0x-hex of the EVM code
/// that deploys the contract, without constructor arguments.
pub const ARTIFACT: &str = include_str!("../artifact/Escrow.json");
