"""Pictures that ask much of whoever decodes them: large when decoded, slow, broken, or not accepted.

`python hostile_pictures.py FOLDER` writes them as files.
"""

import io
import struct
import sys
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, features

Bytes = Callable[[], bytes]


def saved(kind: str, size: tuple[int, int], mode: str = "RGB", colour: Any = None, **options: Any) -> Bytes:
    """A picture of one colour, as Pillow writes it."""

    def make() -> bytes:
        data = io.BytesIO()
        fill = colour if colour is not None else (200 if len(mode) == 1 else (200, 90, 30, 128)[: len(mode)])
        Image.new(mode, size, fill).save(data, kind, **options)
        return data.getvalue()

    return make


def noise(kind: str, size: tuple[int, int], **options: Any) -> Bytes:
    """A picture that does not compress."""

    def make() -> bytes:
        data = io.BytesIO()
        pixels = np.random.default_rng(7).integers(0, 255, (size[1], size[0], 3), np.uint8)
        Image.fromarray(pixels).save(data, kind, **options)
        return data.getvalue()

    return make


def chunk(kind: bytes, body: bytes) -> bytes:
    """One chunk of a PNG."""
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png(width: int, height: int, depth: int = 8, colour: int = 2, extra: bytes = b"", interlaced: int = 0) -> Bytes:
    """A PNG of zeros, of which the header may state more than its data have: at most 128 MiB of those."""

    def make() -> bytes:
        channels = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}[colour]
        row = 1 + (width * channels * depth + 7) // 8
        packer = zlib.compressobj(6)
        packed = b"".join(packer.compress(bytes(2**20)) for _ in range(min(row * height, 2**27) // 2**20 + 1))
        header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, interlaced)
        palette = chunk(b"PLTE", bytes(range(6))) if colour == 3 else b""
        data = chunk(b"IDAT", packed + packer.flush())
        return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + palette + extra + data + chunk(b"IEND", b"")

    return make


def texts(count: int) -> bytes:
    """Compressed text chunks of a MiB each."""
    return b"".join(chunk(b"zTXt", b"k%d\0\0" % each + zlib.compress(bytes(2**20 - 1))) for each in range(count))


def animation(dispose: int) -> bytes:
    """The chunks that make a PNG of 4000 x 4000 an animated one, whose first frame is to be disposed of."""
    frame = struct.pack(">IIIIIHHBB", 0, 4000, 4000, 0, 0, 1, 10, dispose, 1)
    return chunk(b"acTL", struct.pack(">II", 2, 0)) + chunk(b"fcTL", frame)


def gif(screen: tuple[int, int], frame: tuple[int, int], dispose: int = 0) -> Bytes:
    """A GIF of some bytes with a screen and a first picture of any size."""
    head = b"GIF89a" + struct.pack("<HH", *screen) + b"\x80\0\0" + bytes(6)
    control = b"!\xf9\x04" + bytes([dispose << 2 | 1]) + b"\0\0\0\0"
    return lambda: head + control + b"," + struct.pack("<HHHH", 0, 0, *frame) + b"\0\x02\x02\x4c\x01\0;"


def jpeg_of_scans(count: int) -> Bytes:
    """A progressive JPEG whose last pass comes again and again."""

    def make() -> bytes:
        data = saved("JPEG", (4000, 3000), progressive=True)()
        last = data.rindex(b"\xff\xda")
        return data[:last] + data[last:-2] * count + b"\xff\xd9"

    return make


def jpeg_of_separate_scans(side: int) -> Bytes:
    """A JPEG that is not progressive and has a pass for each colour all the same: three grey ones put together."""

    def make() -> bytes:
        grey = saved("JPEG", (side, side), "L")()
        frame, scan = grey.index(b"\xff\xc0"), grey.index(b"\xff\xda")
        tables = grey[frame + 13 : scan]
        frames = struct.pack(">HBHHB", 17, 8, side, side, 3) + b"".join(bytes([each, 0x11, 0]) for each in (1, 2, 3))
        coded = grey[scan + 10 : -2]
        scans = b"".join(b"\xff\xda\0\x08\x01" + bytes([each, 0]) + b"\0\x3f\0" + coded for each in (1, 2, 3))
        return grey[:frame] + b"\xff\xc0" + frames + tables + scans + b"\xff\xd9"

    return make


def with_frame(width: int, height: int, **options: Any) -> Bytes:
    """A small JPEG whose header states another size."""

    def make() -> bytes:
        data = bytearray(saved("JPEG", (64, 64), **options)())
        at = data.index(b"\xff\xc2" if options.get("progressive") else b"\xff\xc0")
        data[at + 5 : at + 9] = struct.pack(">HH", height, width)
        return bytes(data)

    return make


def webp_stating(width: int, height: int) -> Bytes:
    """A small WebP with an extended header that states another size."""

    def make() -> bytes:
        plain = saved("WEBP", (64, 64))()
        size = (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
        body = b"WEBPVP8X" + struct.pack("<I", 10) + b"\x10\0\0\0" + size + plain[12:]
        return b"RIFF" + struct.pack("<I", len(body)) + body

    return make


def frames(kind: str, size: tuple[int, int], count: int, **options: Any) -> Bytes:
    """An animation."""

    def make() -> bytes:
        data = io.BytesIO()
        first, *others = (Image.new("RGB", size, (each, 90, 30)) for each in range(count))
        first.save(data, kind, save_all=True, append_images=others, **options)
        return data.getvalue()

    return make


def cut(make: Bytes, share: float) -> Bytes:
    """The beginning of a picture."""
    return lambda: (data := make())[: int(len(data) * share)]


EXIF_OF_LENGTH = b"Exif\0\0II*\0\x08\0\0\0\xff\xff" + bytes(60000)

# Name to a function that makes it. Those that begin with `ok` are to be classified; the others may be refused.
HOSTILE: dict[str, Bytes] = {
    "jpeg: ok, plain 48 MP": saved("JPEG", (8064, 6048)),
    "jpeg: ok, progressive 12 MP, 4:2:0": saved("JPEG", (4000, 3000), progressive=True),
    "jpeg: ok, grey progressive 24 MP": saved("JPEG", (6000, 4000), "L", progressive=True),
    "jpeg: ok, noise of 2 MP": noise("JPEG", (1600, 1200)),
    "jpeg: progressive 48 MP": saved("JPEG", (8064, 6048), progressive=True),
    "jpeg: progressive 48 MP, 4:4:4": saved("JPEG", (8064, 6048), progressive=True, subsampling=0),
    "jpeg: progressive 12 MP, 4:4:4": saved("JPEG", (4000, 3000), progressive=True, subsampling=0),
    "jpeg: progressive 16 MP of CMYK": saved("JPEG", (4000, 4000), "CMYK", progressive=True),
    "jpeg: plain 48 MP of CMYK": saved("JPEG", (8064, 6048), "CMYK"),
    "jpeg: 65500 x 400, never reduced": saved("JPEG", (65500, 400)),
    "jpeg: 400 x 65500, never reduced": saved("JPEG", (400, 65500)),
    "jpeg: 65500 x 1": saved("JPEG", (65500, 1)),
    "jpeg: a pass a colour, 16 MP": jpeg_of_separate_scans(4000),
    "jpeg: a pass a colour, 4 MP": jpeg_of_separate_scans(2000),
    "jpeg: a thousand passes": jpeg_of_scans(1000),
    "jpeg: says 65000 x 65000": with_frame(65000, 65000),
    "jpeg: says 30000 x 30000": with_frame(30000, 30000),
    "jpeg: says 65000 x 65000, progressive": with_frame(65000, 65000, progressive=True),
    "jpeg: cut in half": cut(noise("JPEG", (1600, 1200)), 0.5),
    "jpeg: EXIF of 65535 entries": saved("JPEG", (640, 480), exif=EXIF_OF_LENGTH),
    "mpo: ok, two pictures": frames("MPO", (2000, 1500), 2),
    "png: ok, 16 MP": saved("PNG", (4000, 4000)),
    "png: ok, 16 MP of palette": png(4000, 4000, 8, 3),
    "png: ok, 16 MP of 16-bit grey": png(4000, 4000, 16, 0),
    "png: ok, 64 MP of black and white": png(8000, 8000, 1, 0),
    "png: ok, 16 MP with transparency": saved("PNG", (4000, 4000), "RGBA"),
    "png: 16 MP of 16 bits with transparency": png(4000, 4000, 16, 6),
    "png: 16 MP, interlaced": png(4000, 4000, interlaced=1),
    "png: 36 MP": png(6000, 6000),
    "png: says 2147483647 x 2147483647": png(2**31 - 1, 2**31 - 1),
    "png: 16000000 x 1": png(16_000_000, 1, 8, 0),
    "png: 4000000 x 1 of 16 bits": png(4_000_000, 1, 16, 6),
    "png: 1 x 16000000": png(1, 16_000_000, 8, 0),
    "png: 60 MiB of text": png(64, 64, extra=texts(60)),
    "png: a profile of 100 MiB": png(64, 64, extra=chunk(b"iCCP", b"p\0\0" + zlib.compress(bytes(100 * 2**20)))),
    "png: cut in half": cut(noise("PNG", (1000, 1000)), 0.5),
    "png: 16 MP, animated, laid on nothing": png(4000, 4000, extra=animation(1)),
    "png: 16 MP, animated, laid on what was": png(4000, 4000, extra=animation(2)),
    "webp: ok, 3 MP": saved("WEBP", (2000, 1500)),
    "webp: ok, 3 MP, lossless": saved("WEBP", (2000, 1500), "RGBA", lossless=True),
    "webp: 2.2 MP of noise, lossless": noise("WEBP", (1480, 1480), lossless=True),
    "webp: 16 MP": saved("WEBP", (4000, 4000)),
    "webp: 16 MP, lossless": saved("WEBP", (4000, 4000), lossless=True),
    "webp: 16 MP with transparency": saved("WEBP", (4000, 4000), "RGBA"),
    "webp: 32 MP": saved("WEBP", (16383, 2000), quality=1, method=0),
    "webp: says 16777216 x 16777216": webp_stating(2**24, 2**24),
    "webp: animated, 3 MP": frames("WEBP", (2000, 1500), 3),
    "gif: ok, 16 MP": saved("GIF", (4000, 4000), "P", 3),
    "gif: ok, animated, 4 MP": frames("GIF", (2000, 2000), 3),
    "gif: screen of 65535 x 65535": gif((65535, 65535), (10, 10)),
    "gif: first picture of 65535 x 65535": gif((10, 10), (65535, 65535)),
    "gif: 4 GP, to be disposed of": gif((65535, 65535), (65535, 65535), dispose=2),
    "gif: 16 MP, to be disposed of": gif((4000, 4000), (4000, 4000), dispose=2),
    "gif: 16 MP, to be restored": gif((4000, 4000), (4000, 4000), dispose=3),
    "gif: a picture that never comes": lambda: b"GIF89a" + bytes(7) + bytes(8_000_000),
    "gif: 4 million blocks of a byte": lambda: b"GIF89a" + bytes(7) + b"!\xfe" + b"\1 " * 4_000_000 + b"\0",
    "bmp": saved("BMP", (1600, 1600)),
    "tiff: 100 MP, packed": saved("TIFF", (10000, 10000), "L", compression="tiff_deflate"),
    "tiff: big": saved("TIFF", (64, 64), big_tiff=True),
    "ico": saved("ICO", (256, 256)),
    "icns": saved("ICNS", (512, 512)),
    "ppm": saved("PPM", (1600, 1600)),
    "sgi": saved("SGI", (1000, 1000)),
    "dds": saved("DDS", (1000, 1000)),
    "tga": saved("TGA", (4000, 4000), compression="tga_rle"),
    "pcx": saved("PCX", (4000, 4000)),
    "pdf": saved("PDF", (400, 400)),
    "eps": lambda: b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9000 9000\n",
    "svg": lambda: b'<svg xmlns="http://www.w3.org/2000/svg" width="90000" height="90000"/>',
    "psd": lambda: b"8BPS\0\1" + bytes(6) + struct.pack(">HIIHH", 3, 30000, 30000, 8, 3),
    "heic": lambda: b"\0\0\0\x18ftypheic" + bytes(40),
    "jxl": lambda: b"\xff\x0a" + bytes(40),
    "no picture": lambda: b"not a picture",
    "nothing": lambda: b"",
}
if features.check("jpg_2000"):
    HOSTILE["jpeg 2000: 16 MP"] = saved("JPEG2000", (4000, 4000))
if features.check("avif"):
    HOSTILE["avif: 16 MP"] = saved("AVIF", (4000, 4000), speed=10)


if __name__ == "__main__":
    for name, make in HOSTILE.items():
        Path(sys.argv[1], "".join(each if each.isalnum() else "-" for each in name)).write_bytes(make())
