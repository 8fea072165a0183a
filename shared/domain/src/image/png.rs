//! PNG: chunks of length, name, data and checksum, from IHDR to IEND.

use super::{BadImage, exif::Orientation, measured, reader::Reader};

/// The eight bytes every PNG begins with.
pub(super) const MAGIC: &[u8] = b"\x89PNG\r\n\x1A\n";

/// The chunks that a decoder must understand; there are no others.
const CRITICAL: [&[u8; 4]; 4] = [b"IHDR", b"PLTE", b"IDAT", b"IEND"];
/// Ancillary chunks that change how the picture looks: transparency, colour, size of a pixel, animation.
const KEPT: [&[u8; 4]; 15] = [
    b"tRNS", b"gAMA", b"cHRM", b"sRGB", b"iCCP", b"cICP", b"mDCV", b"cLLI", b"sBIT", b"bKGD", b"hIST", b"pHYs",
    b"acTL", b"fcTL", b"fdAT",
];

pub(super) fn clean(input: &[u8]) -> Result<Vec<u8>, BadImage> {
    let mut reader = Reader::new(input);
    let mut out = Vec::with_capacity(input.len());
    out.extend(reader.take(MAGIC.len())?);
    let (mut first, mut data, mut oriented) = (true, false, false);
    loop {
        let length = usize::try_from(u32::from_be_bytes(reader.array()?)).map_err(|_| BadImage::CutOff)?;
        let name: [u8; 4] = reader.array()?;
        let body = reader.take(length)?;
        if u32::from_be_bytes(reader.array()?) != crc32([&name, body]) {
            return Err(BadImage::Damaged("checksum"));
        }
        if first != (&name == b"IHDR") || (first && length != 13) {
            return Err(BadImage::Damaged("header"));
        }
        if first {
            let mut size = Reader::new(body);
            measured(u32::from_be_bytes(size.array()?), u32::from_be_bytes(size.array()?))?;
        }
        first = false;
        data |= &name == b"IDAT";
        // Bit 5 of the first letter is clear in the chunks that a decoder must understand.
        let critical = name.first().is_some_and(u8::is_ascii_uppercase);
        if critical && !CRITICAL.contains(&&name) {
            return Err(BadImage::Damaged("unknown chunk"));
        }
        if critical || KEPT.contains(&&name) {
            write_chunk(&mut out, name, body);
        } else if &name == b"eXIf"
            && !oriented
            && let Some(orientation) = Orientation::read(body)
        {
            oriented = true;
            write_chunk(&mut out, name, &orientation.to_tiff());
        }
        if &name == b"IEND" {
            return if data { Ok(out) } else { Err(BadImage::Damaged("no picture in it")) };
        }
    }
}

fn write_chunk(out: &mut Vec<u8>, name: [u8; 4], body: &[u8]) {
    out.extend(u32::try_from(body.len()).unwrap_or(u32::MAX).to_be_bytes());
    out.extend(name);
    out.extend(body);
    out.extend(crc32([&name, body]).to_be_bytes());
}

/// CRC-32 of ISO 3309, as PNG wants it over a chunk's name and data.
fn crc32(parts: [&[u8]; 2]) -> u32 {
    const TABLE: [u32; 256] = table();
    let step = |crc: u32, byte: &u8| {
        let [low, ..] = crc.to_le_bytes();
        TABLE.get(usize::from(low ^ byte)).copied().unwrap_or_default() ^ (crc >> 8)
    };
    !parts.into_iter().flatten().fold(u32::MAX, step)
}

#[allow(
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    reason = "evaluated by the compiler, within 0..256"
)]
const fn table() -> [u32; 256] {
    let mut table = [0; 256];
    let mut index = 0;
    while index < 256 {
        let mut value = index as u32;
        let mut bit = 0;
        while bit < 8 {
            value = if value & 1 == 1 { 0xEDB8_8320 ^ (value >> 1) } else { value >> 1 };
            bit += 1;
        }
        table[index] = value;
        index += 1;
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checksum_is_the_one_of_the_standard() {
        assert_eq!(crc32([b"12345", b"6789"]), 0xCBF4_3926);
        assert_eq!(crc32([b"IEND", b""]), 0xAE42_6082);
    }
}
