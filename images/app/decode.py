"""Pictures that people send, decoded within a memory bound that is known from their header before anything is decoded.

Pillow has no bound of its own below a gigabyte, and a file of some hundred bytes can state any size. So each accepted
format has a small reader of its header here, and a count of the bytes that Pillow and its libraries allocate for it.
A format without such a count is not accepted.
"""

import io
import struct
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import GifImagePlugin, Image, JpegImagePlugin, PngImagePlugin, WebPImagePlugin

ACCEPTED = "send a JPEG, PNG, WebP or GIF"
TOO_EARLY = "ends too early, as an upload that broke off does: send the whole file"
# Bytes that the header of a PNG takes: of any format, what is shorter has no picture in it.
SHORTEST = 33
# Bytes that decoding may take. With it an app that holds a MobileNetV2 (114 MiB) stays below 200 of its 256 MiB.
MEMORY_BAR = 64 * 2**20
# Pixels of a picture, whatever memory it takes: libjpeg reads about a hundred million in a second, cameras make 200.
PIXELS_BAR = 200_000_000
# A progressive JPEG has about ten passes over the whole picture; a thousand fit into some kilobytes and take minutes.
SCANS_BAR = 64
# Blocks of a GIF before its picture, which Pillow reads one by one in Python: full ones are 25 MiB, empty ones are an
# attempt to keep it busy.
GIF_BLOCKS_BAR = 100_000
# Bytes that the text chunks of a PNG may inflate to; Pillow's own bar is 64 MiB.
PngImagePlugin.MAX_TEXT_MEMORY = 2 * 2**20

# Bytes a pixel, measured as the peak of a process over a list of sizes and rounded up.
# WebP: two canvases of its animation decoder, its own pixels, the copy that it hands out, and Pillow's image.
WEBP_PIXEL = 20
# GIF: a palette index, the background that it is laid on, and the area to be disposed of.
GIF_PIXEL = 4
# An animated PNG holds the area to be disposed of and its frame besides the picture.
ANIMATED_PNG_FACTOR = 3

# What the first bytes of a file say, for those that are refused by name.
REFUSED = {
    b"BM": "BMP",
    b"II*\0": "TIFF",
    b"MM\0*": "TIFF",
    b"II+\0": "TIFF",
    b"MM\0+": "TIFF",
    b"\0\0\0\x0cjP  ": "JPEG 2000",
    b"\xff\x4f\xff\x51": "JPEG 2000",
    b"\0\0\0\x0cJXL ": "JPEG XL",
    b"\xff\x0a": "JPEG XL",
    b"\0\0\1\0": "ICO",
    b"icns": "ICNS",
    b"8BPS": "PSD",
    b"%PDF": "PDF",
    b"%!PS": "PostScript",
    b"<svg": "SVG",
    b"<?xml": "SVG",
    b"DDS ": "DDS",
    b"qoif": "QOI",
    b"\x01\xda": "SGI",
    b"SIMPLE": "FITS",
    **{b"P%d" % kind: "PNM" for kind in range(1, 8)},
}
# The brand of a file of ISO's base media format, at its eighth byte.
REFUSED_BRANDS = {b"avif": "AVIF", b"avis": "AVIF", b"heic": "HEIC", b"heix": "HEIC", b"mif1": "HEIC", b"msf1": "HEIC"}


class PictureError(Exception):
    """What was sent is no picture that can be classified."""


class HeaderError(Exception):
    """The header of a file is broken."""


@dataclass(frozen=True)
class Header:
    """What the header of a picture says.

    `width` and `height` are pixels as the file has them, `memory` is the bytes that decoding takes at its peak, and
    `kind` names the format for a sentence.
    """

    kind: str
    width: int
    height: int
    memory: int


def square(picture: bytes, side: int) -> np.ndarray:
    """A picture upright, on white where it is transparent, as uint8 [side, side, 3] in the order red, green, blue.

    Raises PictureError, with a sentence for the person who sent it.
    """
    name, open_file, read_header = format_of(picture)
    try:
        header = read_header(picture, side)
        if header.width < 1 or header.height < 1:
            raise HeaderError("no pixels")
    except (HeaderError, struct.error, IndexError) as error:
        if ends_too_early(name, picture, error):
            raise PictureError(f"this {name} {TOO_EARLY}") from error
        raise PictureError(f"that is no {name} this app can read: its header is broken") from error
    if header.memory > MEMORY_BAR:
        raise PictureError(
            f"this {header.kind} of {header.width} x {header.height} pixels takes {-(-header.memory // 2**20)} MiB to"
            f" read, and this app has {MEMORY_BAR // 2**20} MiB for it: send a smaller picture"
        )
    if header.width * header.height > PIXELS_BAR:
        raise PictureError(
            f"this {header.kind} has {header.width} x {header.height} pixels, and this app reads up to"
            f" {PIXELS_BAR // 1_000_000} million: send a smaller picture"
        )
    try:
        image = open_file(io.BytesIO(picture))
        if image.size != (header.width, header.height):
            raise HeaderError(f"two sizes: {image.size}")
        orientation = orientation_of(image)
        image.draft("RGB", (side, side))
        small = reduced(image, side).resize((side, side), Image.Resampling.BILINEAR)
    except Exception as error:  # A broken file can raise nearly anything in its decoder.
        if ends_too_early(name, picture, error):
            raise PictureError(f"this {name} {TOO_EARLY}") from error
        raise PictureError(f"that is no {name} this app can read: {ACCEPTED}") from error
    if orientation in UPRIGHT:
        small = small.transpose(UPRIGHT[orientation])
    return np.asarray(small)


def ends_too_early(name: str, picture: bytes, error: Exception) -> bool:
    """Whether a picture that cannot be read is the beginning of one, as an upload that broke off leaves it."""
    # A WebP states its length, and a PNG its end; of the others, a reader ran past the end.
    if name == "WebP":
        return 8 + int.from_bytes(picture[4:8], "little") > len(picture)
    if name == "PNG" and b"IEND" not in picture:
        return True
    ran_past_the_end = isinstance(error, IndexError | struct.error) or "truncated" in str(error).lower()
    return ran_past_the_end or len(picture) < SHORTEST


def format_of(picture: bytes) -> tuple[str, Any, Any]:
    """Name, Pillow's class and header reader of a picture's format. Raises PictureError if it is not accepted.

    Pillow's classes are called by name: its `Image.open` asks every format, and an MPO, which phones write, is then not
    the JPEG that it begins with.
    """
    if picture.startswith(b"\xff\xd8\xff"):
        return "JPEG", JpegImagePlugin.JpegImageFile, jpeg_header
    if picture.startswith(b"\x89PNG\r\n\x1a\n"):
        return "PNG", PngImagePlugin.PngImageFile, png_header
    if picture.startswith(b"RIFF") and picture[8:12] == b"WEBP":
        return "WebP", WebPImagePlugin.WebPImageFile, webp_header
    if picture.startswith((b"GIF87a", b"GIF89a")):
        return "GIF", GifImagePlugin.GifImageFile, gif_header
    name = REFUSED_BRANDS.get(picture[8:12]) if picture[4:8] == b"ftyp" else None
    name = name or next((name for start, name in REFUSED.items() if picture.startswith(start)), None)
    if name:
        raise PictureError(f"{name} is not accepted: {ACCEPTED}")
    raise PictureError(f"that is no picture this app can read: {ACCEPTED}")


def png_header(picture: bytes, side: int) -> Header:
    """Pillow decodes the whole picture, row by row."""
    if picture[12:16] != b"IHDR":
        raise HeaderError("no IHDR")
    width, height, depth, colour = struct.unpack(">IIBB", picture[16:26])
    # Grey and palette; colour, or grey with transparency, takes four.
    pixel = (2 if depth == 16 else 1) if colour in (0, 3) else 4
    animated = b"acTL" in picture
    memory = width * height * pixel * (ANIMATED_PNG_FACTOR if animated else 1)
    # Two rows as the file has them, of up to 8 bytes a pixel.
    return Header(
        "animated PNG" if animated else "PNG", width, height, memory + 16 * width + bands(width, height, side)
    )


def webp_header(picture: bytes, side: int) -> Header:
    """libwebp decodes the whole picture, on the canvas of an animation even if it is none."""
    chunk = picture[12:16]
    if chunk == b"VP8X":
        sizes = picture[24:30]
        if len(sizes) < 6:
            raise HeaderError("too short")
        width, height = (int.from_bytes(size, "little") + 1 for size in (sizes[:3], sizes[3:]))
    elif chunk == b"VP8L":
        if picture[20] != 0x2F:
            raise HeaderError("no signature")
        (bits,) = struct.unpack("<I", picture[21:25])
        width, height = (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    elif chunk == b"VP8 ":
        if picture[23:26] != b"\x9d\x01\x2a":
            raise HeaderError("no signature")
        width, height = (size & 0x3FFF for size in struct.unpack("<HH", picture[26:30]))
    else:
        raise HeaderError("no picture in it")
    return Header("WebP", width, height, width * height * WEBP_PIXEL + bands(width, height, side))


def gif_header(picture: bytes, side: int) -> Header:
    """The screen, or its first picture if that is larger."""
    width, height, flags = struct.unpack("<HHB", picture[6:11])
    at = 13 + ((3 << (flags & 7) + 1) if flags & 128 else 0)
    steps = 0
    while picture[at] != ord(","):
        if picture[at] == ord(";"):
            raise HeaderError("no picture in it")
        # An extension is a label and blocks, the last of which is empty. What is neither is passed over, as in Pillow.
        if picture[at] == ord("!"):
            at += 2
            while picture[at]:
                at += picture[at] + 1
                steps += 1
        at += 1
        steps += 1
        if steps > GIF_BLOCKS_BAR:
            raise HeaderError("too much before the picture")
    left, top, wide, high = struct.unpack("<HHHH", picture[at + 1 : at + 9])
    width, height = max(width, left + wide), max(height, top + high)
    return Header("GIF", width, height, width * height * GIF_PIXEL + bands(width, height, side))


def jpeg_header(picture: bytes, side: int) -> Header:
    """libjpeg decodes a JPEG of one pass in strips, straight to a half, fourth or eighth of its size.

    One of several passes, as every progressive JPEG is, needs the coefficients of the whole picture first: 2 bytes
    each, whatever size is then made of them. What can't be proved to be of one pass counts as the latter.
    """
    frame, at, progressive, one_pass = None, 2, False, False
    while True:
        if picture[at] != 0xFF:
            raise HeaderError("no marker")
        marker = picture[at + 1]
        if marker == 0xFF:  # Filling.
            at += 1
            continue
        if marker in (0x01, *range(0xD0, 0xDA)):
            raise HeaderError("a marker that does not belong before the picture")
        (length,) = struct.unpack(">H", picture[at + 2 : at + 4])
        if marker == 0xDA:
            one_pass = frame is not None and not progressive and picture[at + 4] == len(frame[2])
            break
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            if frame is not None:
                raise HeaderError("two frames")
            height, width, count = struct.unpack(">HHB", picture[at + 5 : at + 10])
            samples = [picture[at + 11 + 3 * index] for index in range(count)]
            frame = width, height, [(each >> 4, each & 15) for each in samples]
            if marker not in (0xC0, 0xC1, 0xC2):  # Lossless ones are never reduced while they are decoded.
                raise PictureError("this kind of JPEG is not accepted: save it again as a plain JPEG")
            progressive = marker == 0xC2
        at += 2 + length
    if frame is None or not frame[2] or any(not 1 <= part <= 4 for sample in frame[2] for part in sample):
        raise HeaderError("no frame")
    width, height, samples = frame
    scans = picture.count(b"\xff\xda")
    if scans > SCANS_BAR:
        raise PictureError(
            f"this JPEG is drawn in {scans} passes, and this app reads up to {SCANS_BAR}: save it again as a plain JPEG"
        )
    wide, high = (max(each) for each in zip(*samples, strict=True))
    # Units of the most finely sampled component's blocks, of 8 x 8 coefficients.
    units = -(-width // (8 * wide)) * -(-height // (8 * high))
    coefficients = 0 if one_pass else units * sum(across * down for across, down in samples) * 64 * 2
    scale = next(each for each in (8, 4, 2, 1) if each == 1 or min(width, height) // side >= each)
    smaller, lower = -(-width // scale), -(-height // scale)
    # Strips of up to 32 rows of 4 components, before and after they are brought to one size.
    strips = 256 * width
    pixel = 1 if len(samples) == 1 else 4
    memory = smaller * lower * pixel + coefficients + strips + bands(smaller, lower, side)
    return Header("JPEG" if one_pass else "progressive JPEG", width, height, memory)


def factors(width: int, height: int, side: int) -> tuple[int, int]:
    """By how much a picture can be reduced and still have twice the pixels that are asked for, each way."""
    return max(1, width // (2 * side)), max(1, height // (2 * side))


def bands(width: int, height: int, side: int) -> int:
    """Bytes beside the pixels: of a band in `reduced`, as it is, with transparency, on white, and as colours, 4 a pixel
    each; and of the pointer that Pillow keeps to each row.
    """
    return 16 * width * factors(width, height, side)[1] + 8 * height


def reduced(image: Image.Image, side: int) -> Image.Image:
    """The picture in RGB, averaged down to at least twice the side (or its own size where that is less).

    It goes in bands: a copy of the whole picture in another mode would take as much memory again.
    """
    image.load()
    width, height = image.size
    across, down = factors(width, height, side)
    small = Image.new("RGB", (-(-width // across), -(-height // down)))
    for top in range(0, height, down):
        band = on_white(image.crop((0, top, width, min(top + down, height))))
        small.paste(band.reduce((across, down)), (0, top // down))
    return small


def on_white(band: Image.Image) -> Image.Image:
    """RGB of a picture of any mode that the accepted formats have."""
    clear = band.info.get("transparency")
    if band.mode.startswith("I"):  # 16 bits of grey: scaled, where Pillow would clip.
        grey = np.asarray(band)
        eight = (grey >> 8).astype(np.uint8)
        if isinstance(clear, int):
            eight[grey == clear] = 255
        return Image.fromarray(eight).convert("RGB")
    if band.mode in ("RGBA", "LA", "PA") or clear is not None:
        if isinstance(clear, tuple) and max(clear) > 255:  # Of a picture of 16 bits, of which 8 are left.
            band.info["transparency"] = tuple(each >> 8 for each in clear)
        white = Image.new("RGBA", band.size, "white")
        white.alpha_composite(band.convert("RGBA"))
        band = white
    return band if band.mode == "RGB" else band.convert("RGB")


# EXIF's tag and values for how a camera was held.
ORIENTATION = 0x0112
UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


def orientation_of(image: Image.Image) -> int:
    """EXIF's value, 1 (upright) where there is none. Broken EXIF is no reason to refuse a picture."""
    try:
        return int(image.getexif().get(ORIENTATION, 1))
    except Exception:  # As many as a decoder's.
        return 1
