//! Decoded values by name.

use alloy_dyn_abi::DynSolValue;
use descrow_domain::Planck;

use super::AbiError;
use crate::Address;

/// The named values of one event or struct.
pub(super) struct Fields<'a> {
    of: &'a str,
    values: Vec<(&'a str, &'a DynSolValue)>,
}

impl<'a> Fields<'a> {
    pub(super) fn new(
        of: &'a str,
        names: impl Iterator<Item = &'a str>,
        values: impl Iterator<Item = &'a DynSolValue>,
    ) -> Self {
        Self { of, values: names.zip(values).collect() }
    }

    fn get(&self, name: &str) -> Result<&'a DynSolValue, AbiError> {
        let found = self.values.iter().find(|(known, _)| *known == name);
        found.map(|(_, value)| *value).ok_or_else(|| AbiError::Lacks(format!("{name} in {}", self.of)))
    }

    fn wrong(&self, name: &str) -> AbiError {
        AbiError::Mismatch(format!("{name} in {}", self.of))
    }

    /// 32 bytes, or a number of up to 256 bits as 32 bytes.
    pub(super) fn word(&self, name: &str) -> Result<[u8; 32], AbiError> {
        match self.get(name)? {
            DynSolValue::Uint(number, _) => Ok(number.to_be_bytes()),
            DynSolValue::FixedBytes(word, 32) => Ok(word.0),
            _ => Err(self.wrong(name)),
        }
    }

    /// A payment's hash; none where it is zero.
    pub(super) fn payment(&self, name: &str) -> Result<Option<[u8; 32]>, AbiError> {
        Ok(Some(self.word(name)?).filter(|word| *word != [0; 32]))
    }

    /// The selector of an error.
    pub(super) fn selector(&self, name: &str) -> Result<[u8; 4], AbiError> {
        match self.get(name)? {
            DynSolValue::FixedBytes(word, 4) => word.first_chunk().copied().ok_or_else(|| self.wrong(name)),
            _ => Err(self.wrong(name)),
        }
    }

    /// The number of an enum's value.
    pub(super) fn small(&self, name: &str) -> Result<u8, AbiError> {
        match self.get(name)? {
            DynSolValue::Uint(number, _) => u8::try_from(*number).map_err(|_| self.wrong(name)),
            _ => Err(self.wrong(name)),
        }
    }

    /// An amount.
    pub(super) fn planck(&self, name: &str) -> Result<Planck, AbiError> {
        match self.get(name)? {
            DynSolValue::Uint(number, _) => super::planck(*number),
            _ => Err(self.wrong(name)),
        }
    }

    /// An address.
    pub(super) fn address(&self, name: &str) -> Result<Address, AbiError> {
        match self.get(name)? {
            DynSolValue::Address(value) => Ok(super::address(*value)),
            _ => Err(self.wrong(name)),
        }
    }

    /// A truth value.
    pub(super) fn flag(&self, name: &str) -> Result<bool, AbiError> {
        match self.get(name)? {
            DynSolValue::Bool(value) => Ok(*value),
            _ => Err(self.wrong(name)),
        }
    }

    /// A text.
    pub(super) fn text(&self, name: &str) -> Result<String, AbiError> {
        match self.get(name)? {
            DynSolValue::String(value) => Ok(value.clone()),
            _ => Err(self.wrong(name)),
        }
    }
}

/// A value as an error's argument is shown.
pub(super) fn shown(value: &DynSolValue) -> String {
    match value {
        // Order ids are hashes: decimal would hide what they are.
        DynSolValue::Uint(number, 256) if number.bit_len() > 128 => format!("0x{number:064x}"),
        DynSolValue::Uint(number, _) => number.to_string(),
        DynSolValue::Address(value) => super::address(*value).to_string(),
        DynSolValue::FixedBytes(word, size) => format!("0x{}", hex::encode(word.get(..*size).unwrap_or_default())),
        DynSolValue::Bool(value) => value.to_string(),
        DynSolValue::String(value) => value.clone(),
        other => format!("{other:?}"),
    }
}
