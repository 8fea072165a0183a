//! Images: recognised by their bytes, checked in structure, and freed of what they tell about the one who took them.
//!
//! A photograph carries where and when it was taken, by whom and with what. [`clean`] keeps the picture bit for bit
//! (nothing is decoded or encoded again) and the segments that change how it looks, and drops every other: Exif, XMP,
//! IPTC, comments, thumbnails, and whatever follows the end of the image. Of Exif one fact stays, the orientation: without it
//! most portraits from phones would lie on their side.

mod exif;
mod jpeg;
mod png;
mod reader;
mod webp;

/// The most bytes of an image: they are in memory three times while it is cleaned and sent on.
pub const IMAGE_LIMIT: usize = 20 * 1024 * 1024;
/// The longest side of a picture, in pixels: what WebP can say at most.
const MAX_SIDE: u32 = 16_384;
/// The most pixels of a picture. A few bytes can announce thousands of millions, which whoever shows them must find memory for.
const MAX_PIXELS: u64 = 50_000_000;

/// The kinds of image that are taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Format {
    /// JPEG (ITU T.81).
    Jpeg,
    /// PNG (W3C, third edition), animated or not.
    Png,
    /// WebP (RFC 9649).
    Webp,
}

impl Format {
    /// The format that the first bytes announce, whatever a name or a header claims.
    pub fn of(bytes: &[u8]) -> Option<Self> {
        if bytes.starts_with(jpeg::MAGIC) {
            Some(Self::Jpeg)
        } else if bytes.starts_with(png::MAGIC) {
            Some(Self::Png)
        } else if bytes.starts_with(webp::RIFF) && bytes.get(8..12) == Some(webp::WEBP) {
            Some(Self::Webp)
        } else {
            None
        }
    }

    /// The media type.
    pub fn content_type(self) -> &'static str {
        match self {
            Self::Jpeg => "image/jpeg",
            Self::Png => "image/png",
            Self::Webp => "image/webp",
        }
    }

    /// The usual ending of a file's name, without the dot.
    pub fn extension(self) -> &'static str {
        match self {
            Self::Jpeg => "jpg",
            Self::Png => "png",
            Self::Webp => "webp",
        }
    }
}

/// Why bytes are not taken as an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadImage {
    /// Neither of the formats taken.
    #[error("must be a JPEG, PNG or WebP image")]
    UnknownFormat,
    /// The bytes end before the image does.
    #[error("image is cut off")]
    CutOff,
    /// The structure of the format is not kept to.
    #[error("image is damaged: {0}")]
    Damaged(&'static str),
    /// It would take more memory to show than browsers have for it.
    #[error("image has more than 50 megapixels, or a side of more than 16384 pixels")]
    TooManyPixels,
}

/// An image that may be published.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Image {
    format: Format,
    bytes: Vec<u8>,
}

impl Image {
    /// The format found.
    pub fn format(&self) -> Format {
        self.format
    }

    /// The cleaned file.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Gives the cleaned file away.
    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }
}

/// Recognises an image, checks its structure and drops its metadata. Cleaning a clean image changes nothing, so the same
/// picture always has the same bytes and the same CID.
///
/// # Errors
/// [`BadImage`] says why the bytes are not taken.
pub fn clean(bytes: &[u8]) -> Result<Image, BadImage> {
    let format = Format::of(bytes).ok_or(BadImage::UnknownFormat)?;
    let bytes = match format {
        Format::Jpeg => jpeg::clean(bytes),
        Format::Png => png::clean(bytes),
        Format::Webp => webp::clean(bytes),
    }?;
    Ok(Image { format, bytes })
}

/// Refuses a picture that nobody could show.
fn measured(width: u32, height: u32) -> Result<(), BadImage> {
    if width == 0 || height == 0 {
        return Err(BadImage::Damaged("no size"));
    }
    let fits = width <= MAX_SIDE && height <= MAX_SIDE && u64::from(width) * u64::from(height) <= MAX_PIXELS;
    if fits { Ok(()) } else { Err(BadImage::TooManyPixels) }
}
