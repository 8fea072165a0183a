//! The committed artefact is what the committed source compiles to.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

/// Where `cargo xtask tools` installs the compiler and OpenZeppelin's contracts.
fn compiler_folder() -> PathBuf {
    let default = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/tools/contract");
    env::var_os("DESCROW_CONTRACT_NODE_MODULES").map_or(default, PathBuf::from)
}

#[test]
fn the_committed_artefact_equals_a_fresh_compile() {
    let contract = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folder = compiler_folder();
    assert!(folder.join("node_modules/solc").is_dir(), "no compiler in {}: run `cargo xtask tools`", folder.display());
    // Node resolves imports from the script's own folder, so the script goes to the compiler.
    let script = folder.join("build-for-test.mjs");
    fs::copy(contract.join("build.mjs"), &script).unwrap();
    let fresh = folder.join("Escrow-fresh.json");
    let run = Command::new("node").arg(&script).arg(contract.join("src")).arg(&fresh).output().unwrap();
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    let fresh = fs::read_to_string(fresh).unwrap();
    assert!(fresh == escrow_contract::ARTIFACT, "artifact/Escrow.json is stale: run build.mjs (README.md says how)");
}
