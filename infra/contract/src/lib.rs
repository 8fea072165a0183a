//! The escrow contract's compiled artefact, its ABI, and its tests on a chain.
