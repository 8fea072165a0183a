//! Exif: reads the orientation out of the TIFF structure, and writes one that says nothing else.

use super::reader::Reader;

/// What stands before the TIFF structure in a JPEG segment, and in WebP chunks of some writers.
pub(super) const HEADER: &[u8] = b"Exif\0\0";

const ORIENTATION: u16 = 0x0112;
const SHORT: u16 = 3;

/// The orientations 2 to 8 of TIFF 6.0, each a mirroring or turning; 1, the upright, needs no word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Orientation(u8);

impl Orientation {
    /// What the TIFF structure says; `None` where it says nothing, is upright, or cannot be read.
    pub(super) fn read(tiff: &[u8]) -> Option<Self> {
        let tiff = tiff.strip_prefix(HEADER).unwrap_or(tiff);
        let little = match tiff.first_chunk::<4>()? {
            b"II*\0" => true,
            b"MM\0*" => false,
            _ => return None,
        };
        let short = |bytes: [u8; 2]| if little { u16::from_le_bytes(bytes) } else { u16::from_be_bytes(bytes) };
        let long = |bytes: [u8; 4]| if little { u32::from_le_bytes(bytes) } else { u32::from_be_bytes(bytes) };
        let directory = long(*tiff.get(4..)?.first_chunk()?);
        let mut reader = Reader::new(tiff.get(usize::try_from(directory).ok()?..)?);
        let entries = short(reader.array().ok()?);
        for _ in 0..entries {
            let (tag, kind) = (short(reader.array().ok()?), short(reader.array().ok()?));
            let _count: [u8; 4] = reader.array().ok()?;
            let value = short(reader.array().ok()?);
            let _unused: [u8; 2] = reader.array().ok()?;
            if tag == ORIENTATION {
                let value = u8::try_from(value).ok().filter(|v| kind == SHORT && (2..=8).contains(v))?;
                return Some(Self(value));
            }
        }
        None
    }

    /// A TIFF structure of one directory with this one entry.
    pub(super) fn to_tiff(self) -> Vec<u8> {
        let mut tiff = b"II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0".to_vec();
        tiff.extend([self.0, 0, 0, 0, 0, 0, 0, 0]);
        tiff
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_reads_back() {
        for value in 2..=8 {
            assert_eq!(Orientation::read(&Orientation(value).to_tiff()), Some(Orientation(value)));
        }
    }

    #[test]
    fn both_byte_orders_are_read_and_nothing_is_made_of_nonsense() {
        let big = b"MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0";
        assert_eq!(Orientation::read(big), Some(Orientation(6)));
        let headed = [HEADER, big].concat();
        assert_eq!(Orientation::read(&headed), Some(Orientation(6)));
        for cut in 0..big.len() - 6 {
            assert_eq!(Orientation::read(&big[..cut]), None, "{cut}");
        }
        for (at, value) in [(19, 1), (19, 9), (13, 4), (7, 255), (0, b'X')] {
            let mut other = big.to_vec();
            other[at] = value;
            assert_eq!(Orientation::read(&other), None, "byte {at} = {value}");
        }
    }
}
