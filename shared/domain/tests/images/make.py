"""Makes the images of this folder with Pillow and piexif (PyPI): each with a place, a maker, a comment, a turned
orientation where `turned` is in its name, and a tail behind its end. Run: python make.py"""

import io
import pathlib

import piexif
from PIL import Image, PngImagePlugin

here = pathlib.Path(__file__).parent
picture = Image.new("RGB", (24, 16))
picture.putdata([((x * 11) % 256, (y * 17) % 256, (x * y) % 256) for y in range(16) for x in range(24)])
XMP = b'<x:xmpmeta xmlns:x="adobe:ns:meta/">Private maker</x:xmpmeta>'


def exif(turned):
    zeroth = {piexif.ImageIFD.Make: b"Private maker", piexif.ImageIFD.Artist: b"Private maker"}
    if turned:
        zeroth[piexif.ImageIFD.Orientation] = 6
    place = {piexif.GPSIFD.GPSLatitudeRef: b"S", piexif.GPSIFD.GPSLatitude: ((1, 1), (17, 1), (0, 1))}
    return piexif.dump({"0th": zeroth, "GPS": place})


def save(name, **options):
    out = io.BytesIO()
    picture.save(out, **options)
    (here / name).write_bytes(out.getvalue() + b"Private maker behind the end")


text = PngImagePlugin.PngInfo()
text.add_text("Author", "Private maker")
for turned, suffix in ((False, ""), (True, "-turned")):
    data = exif(turned)
    save(f"photo{suffix}.jpg", format="JPEG", exif=data, comment="Private maker", xmp=XMP, progressive=turned)
    save(f"photo{suffix}.png", format="PNG", exif=data, pnginfo=text)
    save(f"photo{suffix}.webp", format="WEBP", exif=data, xmp=XMP, lossless=turned)
