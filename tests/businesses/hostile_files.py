"""Files that no upload form should fall for, built byte by byte."""

import io
import struct
import zipfile
import zlib
from typing import Any

from PIL import Image, ImageCms

PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"


def photo(width: int = 640, height: int = 400, mode: str = "RGB") -> Image.Image:
    """A picture with a gradient, so that turning and scaling can be seen."""
    ramp = Image.linear_gradient("L").resize((width, height))
    across = ramp.transpose(Image.Transpose.ROTATE_90).resize((width, height))
    return Image.merge("RGB", (ramp, across, Image.new("L", (width, height), 90))).convert(mode)


def encoded(picture: Image.Image, kind: str = "JPEG", **options: Any) -> bytes:
    out = io.BytesIO()
    picture.save(out, kind, **options)
    return out.getvalue()


def jpeg(width: int = 640, height: int = 400, **options: Any) -> bytes:
    return encoded(photo(width, height), "JPEG", **options)


def png(width: int = 640, height: int = 400, mode: str = "RGB", **options: Any) -> bytes:
    return encoded(photo(width, height, mode), "PNG", **options)


def webp(width: int = 640, height: int = 400, **options: Any) -> bytes:
    return encoded(photo(width, height), "WEBP", **options)


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png_claiming(width: int, height: int) -> bytes:
    """A few bytes that claim to be an enormous picture of zeros."""
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return PNG_SIGNATURE + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(bytes(10_000))) + chunk(b"IEND", b"")


def png_bomb(side: int = 20_000) -> bytes:
    """A true decompression bomb: a small file whose rows really unfold to a gigabyte."""
    squeeze = zlib.compressobj(9)
    row = bytes(1 + side * 3)
    body = b"".join(squeeze.compress(row) for _ in range(side)) + squeeze.flush()
    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    return PNG_SIGNATURE + chunk(b"IHDR", header) + chunk(b"IDAT", body) + chunk(b"IEND", b"")


def png_text_bomb() -> bytes:
    """A small picture whose comment unfolds to 200 MB."""
    body = b"Comment\0\0" + zlib.compress(bytes(200 * 1024 * 1024), 9)
    plain = png(64, 64)
    cut = plain.index(b"IDAT") - 4
    return plain[:cut] + chunk(b"zTXt", body) + plain[cut:]


def webp_claiming(width: int, height: int) -> bytes:
    """A WebP of an extended header that claims a canvas and holds a small picture."""
    inner = webp(64, 64)[12:]
    canvas = (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    body = b"WEBP" + b"VP8X" + struct.pack("<I", 10) + bytes(4) + canvas + inner
    return b"RIFF" + struct.pack("<I", len(body)) + body


def moving(kind: str) -> bytes:
    frames = [Image.new("RGB", (64, 64), colour) for colour in ("red", "green", "blue")]
    return encoded(frames[0], kind, save_all=True, append_images=frames[1:], duration=100)


def zipped(name: str = "payload.txt") -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr(name, "hello")
    return out.getvalue()


def with_comment(comment: bytes) -> bytes:
    """A JPEG whose comment segment says something."""
    plain = jpeg()
    return plain[:2] + b"\xff\xfe" + struct.pack(">H", len(comment) + 2) + comment + plain[2:]


def camera_notes(orientation: int = 1) -> bytes:
    """EXIF as a telephone writes it: maker, owner, place, orientation."""
    exif = Image.Exif()
    exif[0x010F] = "SecretPhoneMaker"
    exif[0x013B] = "Hatamura Sho"
    exif[0x0112] = orientation
    place = exif.get_ifd(0x8825)
    place[1], place[2] = "N", (38.0, 54.0, 12.0)
    place[3], place[4] = "E", (141.0, 34.0, 8.0)
    return exif.tobytes()


def lab_profile() -> bytes:
    """A colour profile that is not sRGB."""
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB", 5000)).tobytes()


SVG = b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'
PDF = b"%PDF-1.7\n1 0 obj\n<< /Type /Catalog >>\nendobj\ntrailer\n<< /Root 1 0 R >>\n%%EOF\n"
HTML = b"<!doctype html><html><body><script>alert(document.cookie)</script></body></html>"
