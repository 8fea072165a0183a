//! Cleaning of images, on files that Pillow wrote (`images/make.py`) and on whatever proptest makes of them.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use descrow_domain::image::{BadImage, Format, clean};
use proptest::prelude::*;

/// Each image, upright and turned, with its format.
const PHOTOS: [(&str, Format, &[u8]); 6] = [
    ("photo.jpg", Format::Jpeg, include_bytes!("images/photo.jpg")),
    ("photo-turned.jpg", Format::Jpeg, include_bytes!("images/photo-turned.jpg")),
    ("photo.png", Format::Png, include_bytes!("images/photo.png")),
    ("photo-turned.png", Format::Png, include_bytes!("images/photo-turned.png")),
    ("photo.webp", Format::Webp, include_bytes!("images/photo.webp")),
    ("photo-turned.webp", Format::Webp, include_bytes!("images/photo-turned.webp")),
];

/// The TIFF entry "orientation, one SHORT, 6: turned by a quarter", which is all that may stay of Exif.
const TURNED: &[u8] = b"\x12\x01\x03\0\x01\0\0\0\x06\0\0\0";

fn contains(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

#[test]
fn the_maker_the_place_and_the_tail_are_gone_and_the_orientation_stays() {
    for (name, format, photo) in PHOTOS {
        assert!(contains(photo, b"Private maker"), "{name} proves something");
        let image = clean(photo).unwrap();
        assert_eq!((image.format(), Format::of(photo)), (format, Some(format)), "{name}");
        for private in [&b"Private"[..], b"xmpmeta", b"GPS", b"\x01\0\x02\0\x02\0\0\0S"] {
            assert!(!contains(image.bytes(), private), "{name} keeps {private:?}");
        }
        assert_eq!(contains(image.bytes(), TURNED), name.contains("turned"), "{name}");
        let exif =
            contains(image.bytes(), b"Exif") || contains(image.bytes(), b"eXIf") || contains(image.bytes(), b"EXIF");
        assert_eq!(exif, name.contains("turned"), "{name}");
    }
}

#[test]
fn cleaning_a_clean_image_changes_nothing() {
    for (name, _, photo) in PHOTOS {
        let once = clean(photo).unwrap();
        assert_eq!(clean(once.bytes()), Ok(once.clone()), "{name}");
        assert!(once.into_bytes().len() < photo.len(), "{name}");
    }
}

#[test]
fn an_image_cut_off_anywhere_is_refused() {
    for (name, _, photo) in PHOTOS {
        let whole = clean(photo).unwrap().into_bytes();
        for length in 0..whole.len() {
            assert!(clean(&whole[..length]).is_err(), "{name} of {length} bytes");
        }
    }
}

#[test]
fn what_is_no_image_is_refused_with_the_reason() {
    let png = PHOTOS[2].2;
    let mut broken = png.to_vec();
    broken[20] ^= 1;
    let no_data = [&png[..33], b"\0\0\0\0IEND\xAE\x42\x60\x82"].concat();
    for (bytes, expected) in [
        (&b""[..], BadImage::UnknownFormat),
        (b"GIF89a", BadImage::UnknownFormat),
        (b"<svg xmlns=\"http://www.w3.org/2000/svg\"/>", BadImage::UnknownFormat),
        (b"\xFF\xD8\xFF\xD9", BadImage::Damaged("no picture in it")),
        (b"\xFF\xD8\xFF\xE0\0\x01", BadImage::Damaged("segment length")),
        (b"\xFF\xD8\xFF\xDA\0\x02", BadImage::Damaged("scan before frame")),
        (b"\xFF\xD8\xFF\xDB\0\x02ab", BadImage::Damaged("marker expected")),
        (b"RIFF\x04\0\0\0WEBP", BadImage::Damaged("no picture in it")),
        (&broken, BadImage::Damaged("checksum")),
        (&no_data, BadImage::Damaged("no picture in it")),
        (&png[..8], BadImage::CutOff),
    ] {
        assert_eq!(clean(bytes), Err(expected), "{bytes:?}");
    }
}

/// A chunk of a PNG with its checksum.
fn chunk(name: [u8; 4], data: &[u8]) -> Vec<u8> {
    let crc = [&name[..], data].concat().iter().fold(u32::MAX, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| if crc & 1 == 1 { 0xEDB8_8320 ^ (crc >> 1) } else { crc >> 1 })
    });
    [&u32::try_from(data.len()).unwrap().to_be_bytes(), &name[..], data, &(!crc).to_be_bytes()].concat()
}

/// The photo with its bytes from `at` on replaced.
fn with(photo: &[u8], at: usize, bytes: &[u8]) -> Vec<u8> {
    let mut photo = photo.to_vec();
    photo[at..at + bytes.len()].copy_from_slice(bytes);
    photo
}

fn find(bytes: &[u8], part: &[u8]) -> usize {
    bytes.windows(part.len()).position(|window| window == part).unwrap()
}

#[test]
fn a_picture_that_nobody_could_show_is_refused() {
    let (jpeg, png, webp) = (PHOTOS[0].2, PHOTOS[2].2, PHOTOS[4].2);
    let png_of = |width: u32, height: u32| {
        let header = [&width.to_be_bytes()[..], &height.to_be_bytes(), b"\x08\x02\0\0\0"].concat();
        let rest = &png[33..];
        [&png[..8], &chunk(*b"IHDR", &header), rest].concat()
    };
    assert!(clean(&png_of(10_000, 5_000)).is_ok(), "50 megapixels");
    assert!(clean(&png_of(16_384, 1)).is_ok(), "the longest side");
    let frame = find(jpeg, b"\xFF\xC0") + 5;
    let canvas = find(webp, b"VP8X") + 12;
    let lossless = b"RIFF\x12\0\0\0WEBPVP8L\x05\0\0\0\x2F\xFF\xFF\xFF\x0F\0";
    let lossy = b"RIFF\x16\0\0\0WEBPVP8 \x0A\0\0\0\0\0\0\x9D\x01\x2A\xFF\x3F\xFF\x3F";
    for (what, bytes) in [
        ("one pixel more", png_of(10_000, 5_001)),
        ("one pixel longer", png_of(16_385, 1)),
        ("a bomb", png_of(u32::MAX, u32::MAX)),
        ("a JPEG of 65535 by 65535", with(jpeg, frame, &[0xFF; 4])),
        ("a canvas of 16777216 by 16777216", with(webp, canvas, &[0xFF; 6])),
        ("a lossless picture of 16384 by 16384", lossless.to_vec()),
        ("a lossy picture of 16383 by 16383", lossy.to_vec()),
    ] {
        assert_eq!(clean(&bytes), Err(BadImage::TooManyPixels), "{what}");
    }
    for (what, bytes) in [("PNG", png_of(0, 7)), ("JPEG", with(jpeg, frame, &[0; 2]))] {
        assert_eq!(clean(&bytes), Err(BadImage::Damaged("no size")), "{what}");
    }
}

/// A chunk of a WebP, padded.
fn riff_chunk(name: [u8; 4], data: &[u8]) -> Vec<u8> {
    let padding = &[0][..data.len() % 2];
    [&name[..], &u32::try_from(data.len()).unwrap().to_le_bytes(), data, padding].concat()
}

fn riff(chunks: &[Vec<u8>]) -> Vec<u8> {
    riff_chunk(*b"RIFF", &[&b"WEBP"[..], &chunks.concat()].concat())
}

/// A frame of an animation, of 8 by 8 pixels, with these chunks.
fn riff_frame(chunks: &[Vec<u8>]) -> Vec<u8> {
    let header = [&[0; 6][..], &[7, 0, 0, 7, 0, 0], &[100, 0, 0], &[0]].concat();
    riff_chunk(*b"ANMF", &[header, chunks.concat()].concat())
}

#[test]
fn the_frames_of_an_animation_keep_their_pictures_and_nothing_that_is_hidden_between_them() {
    let script = b"<script>alert(1)</script>PK\x03\x04";
    let lossless = riff_chunk(*b"VP8L", b"\x2F\x07\xC0\x01\0");
    let lossy = riff_chunk(*b"VP8 ", b"\0\0\0\x9D\x01\x2A\x08\0\x08\0data!");
    let alpha = riff_chunk(*b"ALPH", b"\0alpha");
    let hidden = |name: &[u8; 4]| riff_chunk(*name, script);
    let canvas = |flags: u8| riff_chunk(*b"VP8X", &[flags, 0, 0, 0, 7, 0, 0, 7, 0, 0]);
    let colours = riff_chunk(*b"ANIM", &[0; 6]);
    let dirty = riff(&[
        canvas(0x1E),
        colours.clone(),
        riff_frame(&[hidden(b"EXIF"), lossless.clone(), hidden(b"NOTE")]),
        riff_frame(&[alpha.clone(), hidden(b"XMP "), lossy.clone()]),
        hidden(b"XMP "),
    ]);
    let expected = riff(&[
        canvas(0x12),
        colours.clone(),
        riff_frame(std::slice::from_ref(&lossless)),
        riff_frame(&[alpha, lossy]),
    ]);
    let image = clean(&dirty).unwrap();
    assert_eq!(image.bytes(), expected);
    assert_eq!(clean(&expected).unwrap(), image);

    let with = |frame: Vec<u8>| clean(&riff(&[canvas(0x02), colours.clone(), frame]));
    assert_eq!(with(riff_frame(&[hidden(b"NOTE")])), Err(BadImage::Damaged("no picture in a frame")));
    assert_eq!(with(riff_frame(&[lossless[..8].to_vec()])), Err(BadImage::CutOff));
    assert_eq!(with(riff_frame(&[lossless, b"NO".to_vec()])), Err(BadImage::CutOff));
    let bomb = riff_chunk(*b"VP8L", b"\x2F\xFF\xFF\xFF\x0F");
    assert_eq!(with(riff_frame(&[bomb])), Err(BadImage::TooManyPixels));
}

#[test]
fn a_file_that_is_something_else_as_well_is_only_a_picture_afterwards() {
    let (jpeg, png, webp) = (PHOTOS[0].2, PHOTOS[2].2, PHOTOS[4].2);
    let script = b"<script>alert(1)</script>PK\x03\x04";
    let segment = |marker: u8| [&[0xFF, marker, 0, u8::try_from(script.len()).unwrap() + 2][..], script].concat();
    let riff = |parts: &[u8]| [b"RIFF", &u32::try_from(parts.len()).unwrap().to_le_bytes()[..], parts].concat();
    let odd = [b"NOTE", &u32::try_from(script.len()).unwrap().to_le_bytes()[..], script, &[0][..script.len() % 2]];
    let whole = clean(webp).unwrap().into_bytes();
    for (what, bytes) in [
        ("a tail after a JPEG", [jpeg, script].concat()),
        ("a comment", [&jpeg[..2], &segment(0xFE), &jpeg[2..]].concat()),
        ("an application's segment", [&jpeg[..2], &segment(0xE9), &jpeg[2..]].concat()),
        ("a marker without a meaning", [&jpeg[..2], &segment(0xF3), &jpeg[2..]].concat()),
        ("a tail after a PNG", [png, script].concat()),
        ("a text in a PNG", [&png[..33], &chunk(*b"tEXt", script), &png[33..]].concat()),
        ("a tail after a WebP", [webp, script].concat()),
        ("an unknown chunk in a WebP", riff(&[&whole[8..], &odd.concat()].concat())),
    ] {
        let image = clean(&bytes).unwrap_or_else(|error| panic!("{what}: {error}"));
        assert!(!contains(image.bytes(), b"script") && !contains(image.bytes(), b"PK\x03"), "{what}");
    }
    let critical = [&png[..33], &chunk(*b"EVIL", script), &png[33..]].concat();
    assert_eq!(clean(&critical), Err(BadImage::Damaged("unknown chunk")));
    for front in [&b"%PDF-1.7\n"[..], b"GIF89a", b"\xEF\xBB\xBF", b"\n"] {
        assert_eq!(clean(&[front, png].concat()), Err(BadImage::UnknownFormat), "{front:?} in front");
    }
}

proptest! {
    #[test]
    fn no_bytes_make_a_parser_panic(
        front in prop::sample::select(vec![
            &b""[..], b"\xFF\xD8\xFF", b"\x89PNG\r\n\x1A\n", b"\x89PNG\r\n\x1A\n\0\0\0\x0DIHDR", b"RIFF\xFF\0\0\0WEBP",
            b"RIFF\x40\0\0\0WEBPVP8X\x0A\0\0\0", b"RIFF\x60\0\0\0WEBPANMF\x30\0\0\0", b"RIFF\x40\0\0\0WEBPVP8L", b"\xFF\xD8\xFF\xC0\0\x0B",
        ]),
        bytes in prop::collection::vec(any::<u8>(), 0..300),
    ) {
        if let Ok(image) = clean(&[front, &bytes].concat()) {
            prop_assert_eq!(clean(image.bytes()), Ok(image.clone()));
        }
    }

    #[test]
    fn damaged_files_never_panic_and_what_passes_is_clean(
        which in 0..PHOTOS.len(),
        damage in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
    ) {
        let mut bytes = PHOTOS[which].2.to_vec();
        for (at, value) in damage {
            let at = at.index(bytes.len());
            bytes[at] = value;
        }
        if let Ok(image) = clean(&bytes) {
            prop_assert_eq!(clean(image.bytes()), Ok(image.clone()));
        }
    }
}
