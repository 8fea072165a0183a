//! WebP: a RIFF file of chunks, each padded to an even length.

use super::{BadImage, exif::Orientation, measured, reader::Reader};

/// The container's name, and, after its length, the form's.
pub(super) const RIFF: &[u8] = b"RIFF";
pub(super) const WEBP: &[u8] = b"WEBP";

/// Flags of the `VP8X` chunk (RFC 9649 §2.7).
const HAS_EXIF: u8 = 0x08;
const HAS_XMP: u8 = 0x04;
/// Bytes of an animation's frame before its chunks (RFC 9649 §2.7.1.1).
const FRAME_HEADER: usize = 16;

pub(super) fn clean(input: &[u8]) -> Result<Vec<u8>, BadImage> {
    let mut container = Reader::new(input);
    container.take(RIFF.len())?;
    let size = length(u32::from_le_bytes(container.array()?))?;
    let mut reader = Reader::new(container.take(size)?);
    reader.take(WEBP.len())?;
    let mut body = WEBP.to_vec();
    let (mut picture, mut flags_at, mut oriented) = (false, None, false);
    while !reader.rest().is_empty() {
        let (name, data) = chunk(&mut reader)?;
        match &name {
            b"VP8X" if body.len() == WEBP.len() && data.len() == 10 => {
                extended_size(data, 4)?;
                flags_at = Some(body.len() + 8);
                write_chunk(&mut body, name, data);
            }
            b"VP8X" => return Err(BadImage::Damaged("header")),
            b"VP8 " | b"VP8L" => {
                picture = true;
                bitstream_size(name, data)?;
                write_chunk(&mut body, name, data);
            }
            b"ANMF" => {
                picture = true;
                write_chunk(&mut body, name, &frame(data)?);
            }
            b"ALPH" | b"ANIM" | b"ICCP" => write_chunk(&mut body, name, data),
            b"EXIF" if !oriented && flags_at.is_some() => {
                if let Some(orientation) = Orientation::read(data) {
                    oriented = true;
                    write_chunk(&mut body, name, &orientation.to_tiff());
                }
            }
            _ => {}
        }
    }
    if !picture {
        return Err(BadImage::Damaged("no picture in it"));
    }
    if let Some(flags) = flags_at.and_then(|at| body.get_mut(at)) {
        *flags &= !(HAS_EXIF | HAS_XMP);
        *flags |= if oriented { HAS_EXIF } else { 0 };
    }
    let size = u32::try_from(body.len()).map_err(|_| BadImage::Damaged("length"))?;
    Ok([RIFF, &size.to_le_bytes(), &body].concat())
}

/// A frame of an animation: its place, size, duration and flags, then chunks of its own, of which those stay that are the picture.
fn frame(data: &[u8]) -> Result<Vec<u8>, BadImage> {
    extended_size(data, 6)?;
    let mut reader = Reader::new(data);
    let mut kept = reader.take(FRAME_HEADER)?.to_vec();
    let mut picture = false;
    while !reader.rest().is_empty() {
        let (name, data) = chunk(&mut reader)?;
        match &name {
            b"VP8 " | b"VP8L" => {
                picture = true;
                bitstream_size(name, data)?;
                write_chunk(&mut kept, name, data);
            }
            b"ALPH" => write_chunk(&mut kept, name, data),
            _ => {}
        }
    }
    if picture { Ok(kept) } else { Err(BadImage::Damaged("no picture in a frame")) }
}

fn chunk<'a>(reader: &mut Reader<'a>) -> Result<([u8; 4], &'a [u8]), BadImage> {
    let name = reader.array()?;
    let size = length(u32::from_le_bytes(reader.array()?))?;
    let data = reader.take(size)?;
    if size % 2 == 1 {
        reader.take(1)?;
    }
    Ok((name, data))
}

fn bitstream_size(name: [u8; 4], data: &[u8]) -> Result<(), BadImage> {
    if &name == b"VP8L" { lossless_size(data) } else { lossy_size(data) }
}

/// Width and height less one in 24 bits each, as the extended header has them at 4 and an animation's frame at 6.
fn extended_size(data: &[u8], at: usize) -> Result<(), BadImage> {
    let mut reader = Reader::new(data.get(at..).unwrap_or_default());
    let mut side = || -> Result<u32, BadImage> {
        let [low, middle, high] = reader.array()?;
        Ok(u32::from_le_bytes([low, middle, high, 0]) + 1)
    };
    measured(side()?, side()?)
}

/// Of a key frame of VP8 (RFC 6386 §9.1): three bytes, the start code, 14 bits each of width and height.
fn lossy_size(data: &[u8]) -> Result<(), BadImage> {
    let mut reader = Reader::new(data.get(3..).unwrap_or_default());
    if &reader.array::<3>()? != b"\x9D\x01\x2A" {
        return Err(BadImage::Damaged("picture's header"));
    }
    let mut side = || -> Result<u32, BadImage> { Ok(u32::from(u16::from_le_bytes(reader.array()?) & 0x3FFF)) };
    measured(side()?, side()?)
}

/// Of VP8L (RFC 9649 §3.4): a signature, 14 bits each of width and height less one.
fn lossless_size(data: &[u8]) -> Result<(), BadImage> {
    let mut reader = Reader::new(data);
    if reader.byte()? != 0x2F {
        return Err(BadImage::Damaged("picture's header"));
    }
    let bits = u32::from_le_bytes(reader.array()?);
    measured((bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1)
}

fn length(length: u32) -> Result<usize, BadImage> {
    usize::try_from(length).map_err(|_| BadImage::CutOff)
}

fn write_chunk(out: &mut Vec<u8>, name: [u8; 4], data: &[u8]) {
    out.extend(name);
    out.extend(u32::try_from(data.len()).unwrap_or(u32::MAX).to_le_bytes());
    out.extend(data);
    if data.len() % 2 == 1 {
        out.push(0);
    }
}
