//! A small picture, made here so that no file is needed and no two are the same.

/// Pixels on each side.
const SIDE: u8 = 16;

/// A valid PNG (true colour, eight bits) of 16 by 16 pixels whose colours follow from `seed`.
pub fn picture(seed: u128) -> Vec<u8> {
    let mut rows = Vec::new();
    for y in 0..SIDE {
        // The row's filter: none.
        rows.push(0);
        for x in 0..SIDE {
            let mix = seed.rotate_left(u32::from(x) * 7 + u32::from(y) * 3).to_le_bytes();
            rows.extend_from_slice(mix.get(..3).unwrap_or_default());
        }
    }
    let side = u32::from(SIDE).to_be_bytes();
    let mut header = [side, side].concat();
    // Eight bits, RGB, deflate, adaptive filters, not interlaced.
    header.extend_from_slice(&[8, 2, 0, 0, 0]);
    let mut png = b"\x89PNG\r\n\x1a\n".to_vec();
    chunk(&mut png, *b"IHDR", &header);
    chunk(&mut png, *b"IDAT", &zlib_stored(&rows));
    chunk(&mut png, *b"IEND", &[]);
    png
}

/// The same with `more` bytes of image data behind its end, which nobody reads: a picture that is large.
pub fn large_picture(seed: u128, more: usize) -> Vec<u8> {
    let mut png = picture(seed);
    // The last chunk has no data.
    let end = png.split_off(png.len().saturating_sub(12));
    chunk(&mut png, *b"IDAT", &vec![0; more]);
    png.extend(end);
    png
}

/// Appends a chunk: length, name, data, checksum of name and data (PNG specification §5.3).
fn chunk(png: &mut Vec<u8>, name: [u8; 4], data: &[u8]) {
    let length = u32::try_from(data.len()).unwrap_or(u32::MAX);
    png.extend_from_slice(&length.to_be_bytes());
    let body: Vec<u8> = name.iter().chain(data).copied().collect();
    png.extend_from_slice(&body);
    png.extend_from_slice(&crc32(&body).to_be_bytes());
}

/// A zlib stream (RFC 1950) of one stored block (RFC 1951 §3.2.4): at most 65,535 bytes.
fn zlib_stored(data: &[u8]) -> Vec<u8> {
    let length = u16::try_from(data.len()).unwrap_or(u16::MAX);
    let mut stream = vec![0x78, 0x01, 0x01];
    stream.extend_from_slice(&length.to_le_bytes());
    stream.extend_from_slice(&(!length).to_le_bytes());
    stream.extend_from_slice(data);
    stream.extend_from_slice(&adler32(data).to_be_bytes());
    stream
}

/// CRC-32 with the polynomial of ISO 3309, bit by bit: there are few bytes.
fn crc32(data: &[u8]) -> u32 {
    let crc = data.iter().fold(u32::MAX, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| if crc & 1 == 1 { (crc >> 1) ^ 0xEDB8_8320 } else { crc >> 1 })
    });
    !crc
}

/// Adler-32 (RFC 1950 §8.2).
fn adler32(data: &[u8]) -> u32 {
    let (a, b) = data.iter().fold((1u32, 0u32), |(a, b), byte| {
        let a = (a + u32::from(*byte)) % 65_521;
        (a, (b + a) % 65_521)
    });
    (b << 16) | a
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checksums_are_those_of_the_standards() {
        assert_eq!(crc32(b"123456789"), 0xCBF4_3926);
        assert_eq!(adler32(b"Wikipedia"), 0x11E6_0398);
    }

    #[test]
    fn pictures_with_different_seeds_differ() {
        assert_ne!(picture(1), picture(2));
        assert_eq!(picture(1), picture(1));
    }

    #[test]
    fn a_picture_is_taken_by_the_marketplace_as_it_is() {
        let png = picture(7);
        let image = descrow_domain::image::clean(&png).unwrap();
        assert_eq!(image.bytes(), png);
    }
}
