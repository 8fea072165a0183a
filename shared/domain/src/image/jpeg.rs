//! JPEG: segments up to each scan, entropy-coded data after it.

use super::{
    BadImage,
    exif::{self, Orientation},
    measured,
    reader::Reader,
};

/// Start of image, and the first byte of the marker that must follow.
pub(super) const MAGIC: &[u8] = b"\xFF\xD8\xFF";

const EOI: u8 = 0xD9;
const SOS: u8 = 0xDA;
const APP0: u8 = 0xE0;
const APP1: u8 = 0xE1;
const APP2: u8 = 0xE2;
const APP14: u8 = 0xEE;
/// Huffman tables, arithmetic conditioning, quantisation tables, number of lines, restart interval.
const DHT: u8 = 0xC4;
const DAC: u8 = 0xCC;
const DQT: u8 = 0xDB;
const DNL: u8 = 0xDC;
const DRI: u8 = 0xDD;
/// Restart markers and TEM stand alone, without a length.
const STANDALONE: [u8; 9] = [0x01, 0xD0, 0xD1, 0xD2, 0xD3, 0xD4, 0xD5, 0xD6, 0xD7];

pub(super) fn clean(input: &[u8]) -> Result<Vec<u8>, BadImage> {
    let mut reader = Reader::new(input);
    let mut out = Vec::with_capacity(input.len());
    out.extend(reader.take(2)?);
    let (mut frame, mut scan, mut oriented) = (false, false, false);
    loop {
        let marker = next_marker(&mut reader)?;
        if marker == EOI {
            if !scan {
                return Err(BadImage::Damaged("no picture in it"));
            }
            out.extend([0xFF, EOI]);
            return Ok(out);
        }
        if STANDALONE.contains(&marker) {
            out.extend([0xFF, marker]);
            continue;
        }
        let length = u16::from_be_bytes(reader.array()?);
        let payload = reader.take(usize::from(length).checked_sub(2).ok_or(BadImage::Damaged("segment length"))?)?;
        if let (APP0, Some(density)) = (marker, jfif_density(payload)) {
            // A thumbnail may show what was cut off the picture, so the segment says that there is none.
            write_segment(&mut out, APP0, &[density, &[0, 0]].concat());
        } else if keeps(marker, payload) {
            write_segment(&mut out, marker, payload);
        } else if let (APP1, false, Some(tiff)) = (marker, oriented, payload.strip_prefix(exif::HEADER))
            && let Some(orientation) = Orientation::read(tiff)
        {
            oriented = true;
            write_segment(&mut out, APP1, &[exif::HEADER, &orientation.to_tiff()].concat());
        }
        if is_frame(marker) {
            if frame {
                return Err(BadImage::Damaged("second frame"));
            }
            frame = true;
            // Precision, height, width.
            let mut size = Reader::new(payload.get(1..).unwrap_or_default());
            let (height, width) = (u16::from_be_bytes(size.array()?), u16::from_be_bytes(size.array()?));
            measured(width.into(), height.into())?;
        }
        if marker == SOS {
            if !frame {
                return Err(BadImage::Damaged("scan before frame"));
            }
            scan = true;
            out.extend(reader.take(entropy_coded(reader.rest())?)?);
        }
    }
}

/// The next marker's code; a marker may be preceded by any number of fill bytes.
fn next_marker(reader: &mut Reader<'_>) -> Result<u8, BadImage> {
    if reader.byte()? != 0xFF {
        return Err(BadImage::Damaged("marker expected"));
    }
    loop {
        match reader.byte()? {
            0xFF => {}
            0x00 | 0xD8 => return Err(BadImage::Damaged("marker expected")),
            marker => return Ok(marker),
        }
    }
}

/// Of a JFIF segment what comes before the thumbnail's size: name, version and density.
fn jfif_density(payload: &[u8]) -> Option<&[u8]> {
    payload.get(..12).filter(|head| head.starts_with(b"JFIF\0"))
}

/// Whether a segment is part of the picture, or changes how it looks: tables, frame and scans, an ICC profile, and Adobe's
/// colour transform. Applications, comments and markers without a meaning could hold anything.
fn keeps(marker: u8, payload: &[u8]) -> bool {
    match marker {
        DHT | DAC | DQT | DNL | DRI | SOS => true,
        APP2 => payload.starts_with(b"ICC_PROFILE\0"),
        APP14 => payload.starts_with(b"Adobe"),
        other => is_frame(other),
    }
}

/// Start-of-frame markers: 0xC0 to 0xCF without DHT, JPG and DAC.
fn is_frame(marker: u8) -> bool {
    matches!(marker, 0xC0..=0xCF) && !matches!(marker, 0xC4 | 0xC8 | 0xCC)
}

/// How many bytes belong to the scan: up to the next marker that is neither a stuffed zero nor a restart.
fn entropy_coded(bytes: &[u8]) -> Result<usize, BadImage> {
    bytes
        .windows(2)
        .position(|pair| matches!(pair, [0xFF, next] if *next != 0 && !(0xD0..=0xD7).contains(next)))
        .ok_or(BadImage::CutOff)
}

fn write_segment(out: &mut Vec<u8>, marker: u8, payload: &[u8]) {
    out.extend([0xFF, marker]);
    out.extend(u16::try_from(payload.len() + 2).unwrap_or(u16::MAX).to_be_bytes());
    out.extend(payload);
}
