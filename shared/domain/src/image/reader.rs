//! Reads a byte slice from front to back; running out of bytes is [`BadImage::CutOff`].

use super::BadImage;

pub(super) struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    pub(super) fn rest(&self) -> &'a [u8] {
        self.0
    }

    pub(super) fn take(&mut self, count: usize) -> Result<&'a [u8], BadImage> {
        let (taken, rest) = self.0.split_at_checked(count).ok_or(BadImage::CutOff)?;
        self.0 = rest;
        Ok(taken)
    }

    pub(super) fn array<const N: usize>(&mut self) -> Result<[u8; N], BadImage> {
        let (taken, rest) = self.0.split_first_chunk::<N>().ok_or(BadImage::CutOff)?;
        self.0 = rest;
        Ok(*taken)
    }

    pub(super) fn byte(&mut self) -> Result<u8, BadImage> {
        self.array::<1>().map(|[byte]| byte)
    }
}
