"""The image pipeline: what people upload is judged by its content; what is stored we encoded ourselves.

An upload is read at most ``max_bytes`` long, its size in pixels is read from its header before anything is decoded, it
is turned upright, freed of all metadata (camera, place, colour profile), and written as WebP in a fixed ladder of
widths under a name made from its content: ``pictures/<digest>/<width>.webp``. The same picture twice is one picture.
"""

import fcntl
import hashlib
import io
import os
import re
import struct
import zlib
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import BinaryIO, Protocol

from django.core.files.base import ContentFile
from django.core.files.storage import Storage, default_storage
from django.utils.translation import gettext_lazy as _
from PIL import Image, ImageCms

from microfund.kernel.errors import DomainError

MAX_BYTES = 20 * 1024 * 1024
MAX_PIXELS = 40_000_000
#: Below this a picture is a tracking dot or a mistake.
MIN_SIDE = 16
WIDTHS = (320, 640, 960, 1280, 1600)
#: A strip five times as long as it is wide is no picture for a page, and WebP ends at 16,383 pixels a side.
MAX_ASPECT = 5
FOLDER = "pictures"
#: Part of the name, so that a change of the pipeline gives new names and no cache holds an old picture under one.
PIPELINE = b"tomobune-1"
QUALITY = 82

#: MPO is what many phones write: a JPEG with further pictures behind it, of which the first is the photograph.
_FORMATS = {"JPEG": "JPEG", "MPO": "JPEG", "PNG": "PNG", "WEBP": "WEBP"}
_PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
#: Whatever Pillow and its codecs raise for bytes that are not what they claim to be.
_BROKEN = (
    OSError,
    SyntaxError,
    ValueError,
    TypeError,
    KeyError,
    IndexError,
    OverflowError,
    EOFError,
    MemoryError,
    struct.error,
    zlib.error,
)
#: What turns a picture upright, by the EXIF orientation that the camera wrote.
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_ORIENTATION = 0x0112
#: Marks of pages and programs, long enough never to turn up by chance in compressed pixels.
_PROGRAMS = re.compile(rb"<script|<!doctype|<iframe|<svg\s+xmlns|<\?php\s", re.IGNORECASE)
_MAX_PROFILE = 4 * 1024 * 1024


class ImageRefused(DomainError):
    """An upload that is not taken. Codes: ``empty``, ``too_large``, ``too_many_pixels``, ``too_small``, ``wrong_kind``,
    ``too_narrow``, ``animated``, ``broken``, ``two_kinds``. The message says what to do."""


class HasRenditions(Protocol):
    """What the helpers below need to know of a picture: a ``ProcessedImage``, or a model with the same fields."""

    digest: str
    widths: Sequence[int]


@dataclass(frozen=True, slots=True)
class ProcessedImage:
    """A stored picture. ``width`` and ``height`` are those of the largest rendition, for the page's layout."""

    digest: str
    widths: tuple[int, ...]
    width: int
    height: int

    @property
    def height_per_mille(self) -> int:
        """Height as a share of the width, in thousandths: 625 for 16:10."""
        return round(self.height * 1000 / self.width)


def ingest(
    file: BinaryIO, *, max_bytes: int = MAX_BYTES, max_pixels: int = MAX_PIXELS, storage: Storage | None = None
) -> ProcessedImage:
    """Judge, clean and store an upload; the same content gives the same names and is written once.

    ``file`` is anything with ``read`` (an uploaded file, an open file); its name and claimed type are not looked at.
    Raises ``ImageRefused``. Memory is bounded by ``max_bytes`` and four bytes for each of ``max_pixels``.
    """
    data = _read(file, max_bytes)
    picture = _decode(data, max_pixels)
    widths = _ladder(picture.width)
    # Pillow works without the interpreter's lock: the largest, which comes first, takes as long as all others together.
    with ThreadPoolExecutor(2) as beside:
        steps = list(beside.map(partial(_shrink, picture), reversed(widths)))
        renditions = dict(zip(reversed(widths), beside.map(_encode, steps), strict=True))
    largest = steps[0]
    name = hashlib.sha256(PIPELINE + renditions[max(renditions)]).hexdigest()[:32]
    _store(name, renditions, storage or default_storage)
    return ProcessedImage(digest=name, widths=tuple(sorted(renditions)), width=largest.width, height=largest.height)


def reencode(file: BinaryIO, *, max_bytes: int = MAX_BYTES, max_pixels: int = MAX_PIXELS) -> tuple[bytes, int, int]:
    """Judge and clean an upload as `ingest` does, store nothing: (WebP, width, height), at most WIDTHS[-1] wide.

    Raises ``ImageRefused``.
    """
    picture = _decode(_read(file, max_bytes), max_pixels)
    return _encode(picture), picture.width, picture.height


def turned(picture: HasRenditions, *, storage: Storage | None = None) -> ProcessedImage:
    """A stored picture turned by a quarter to the right, as a picture of its own: the other stays as it is."""
    kept = storage or default_storage
    with kept.open(path(picture, max(picture.widths)), "rb") as file, Image.open(file) as opened:
        upright = opened.convert("RGB").transpose(Image.Transpose.ROTATE_270)
    out = io.BytesIO()
    upright.save(out, "PNG")
    return ingest(io.BytesIO(out.getvalue()), max_bytes=max(MAX_BYTES, out.tell()), storage=storage)


def path(picture: HasRenditions, width: int) -> str:
    """Where a rendition lies in the storage."""
    return f"{FOLDER}/{picture.digest}/{width}.webp"


def src(picture: HasRenditions, width: int = 640) -> str:
    """Address of the smallest rendition at least ``width`` wide, else of the largest."""
    return default_storage.url(_rendition(picture, width))


def _rendition(picture: HasRenditions, width: int) -> str:
    widths = sorted(picture.widths)
    return path(picture, next((each for each in widths if each >= width), widths[-1]))


def srcset(picture: HasRenditions) -> str:
    """The value of an ``srcset`` attribute: every rendition with its width."""
    return ", ".join(f"{default_storage.url(path(picture, width))} {width}w" for width in sorted(picture.widths))


def as_jpeg(picture: HasRenditions, width: int = 640) -> bytes:
    """The rendition that `src` names, as JPEG: for mails, whose readers do not all know WebP. Raises OSError."""
    made = io.BytesIO()
    with default_storage.open(_rendition(picture, width)) as file, Image.open(file, formats=("WEBP",)) as shown:
        shown.convert("RGB").save(made, "JPEG", quality=QUALITY, optimize=True)
    return made.getvalue()


def _read(file: BinaryIO, max_bytes: int) -> bytes:
    if hasattr(file, "seek"):
        file.seek(0)
    data = file.read(max_bytes + 1)
    if not data:
        raise ImageRefused("empty", _("The file is empty. Choose the picture again."))
    if len(data) > max_bytes:
        message = _("The picture is larger than %(megabytes)d MB. Save it smaller and try again.")
        raise ImageRefused("too_large", message % {"megabytes": max_bytes // (1024 * 1024)}, max_bytes=max_bytes)
    return data


def _decode(data: bytes, max_pixels: int) -> Image.Image:
    """An upright RGB picture at most as wide and high as the ladder needs, with nothing of the file left on it."""
    _refuse_other_kinds(data)
    if data[:4] == b"RIFF":
        # The WebP reader makes room for the whole picture as soon as it is opened, so its size is read by hand.
        width, height = _webp_size(data)
        if width * height > max_pixels:
            raise _too_many_pixels(max_pixels)
    try:
        with Image.open(io.BytesIO(data), formats=("JPEG", "PNG", "WEBP")) as opened:
            _check_header(opened, max_pixels)
            return _normalise(opened)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise _too_many_pixels(max_pixels) from error
    except _BROKEN as error:
        message = _("The picture is damaged or incomplete. Export it again as JPEG, PNG or WebP.")
        raise ImageRefused("broken", message) from error


def _refuse_other_kinds(data: bytes) -> None:
    """Refuse by the first bytes what is no picture of ours, and what is a picture and something else at once.

    Encoding anew already strips whatever rides along; refusing it besides keeps the questionable file out of logs,
    back-ups and reviews. A JPEG may carry a tail, since phones put clips and depth maps there; the others may not.
    """
    jpeg = data.startswith(b"\xff\xd8\xff")
    png = data.startswith(_PNG_SIGNATURE)
    webp = data[:4] == b"RIFF" and data[8:12] == b"WEBP"
    if not (jpeg or png or webp):
        message = _("Only JPEG, PNG and WebP pictures are accepted, whatever the file is called.")
        raise ImageRefused("wrong_kind", message)
    foreign = (
        b"%pdf-" in data[:1024].lower()
        or data.rfind(b"PK\x05\x06", max(0, len(data) - 66_000)) >= 0
        or _PROGRAMS.search(data) is not None
        or (png and not _ends_with_png(data))
        or (webp and struct.unpack("<I", data[4:8])[0] + 8 < len(data) - 1)
    )
    if foreign:
        message = _("The file holds something besides a picture. Export it again as JPEG, PNG or WebP.")
        raise ImageRefused("two_kinds", message)


def _ends_with_png(data: bytes) -> bool:
    """Whether nothing follows the last chunk. A file cut short passes: decoding it tells the better story."""
    position = len(_PNG_SIGNATURE)
    while position + 8 <= len(data):
        length, kind = struct.unpack(">I4s", data[position : position + 8])
        position += 12 + length
        if kind == b"IEND":
            return position >= len(data)
    return True


def _webp_size(data: bytes) -> tuple[int, int]:
    """Width and height from the first chunk of a WebP file, zeros where there is none to be read."""
    kind, body = data[12:16], data[20:30]
    if len(body) < 10:
        return 0, 0
    if kind == b"VP8X":
        return int.from_bytes(body[4:7], "little") + 1, int.from_bytes(body[7:10], "little") + 1
    if kind == b"VP8L":
        bits = int.from_bytes(body[1:5], "little")
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    return int.from_bytes(body[6:8], "little") & 0x3FFF, int.from_bytes(body[8:10], "little") & 0x3FFF


def _check_header(opened: Image.Image, max_pixels: int) -> None:
    """Judge kind, size and frames by what the header says, before a pixel is decoded."""
    if _FORMATS.get(opened.format or "") is None:
        message = _("Only JPEG, PNG and WebP pictures are accepted, whatever the file is called.")
        raise ImageRefused("wrong_kind", message)
    if opened.width * opened.height > max_pixels:
        raise _too_many_pixels(max_pixels)
    if min(opened.size) < MIN_SIDE:
        message = _("The picture is too small: it is %(width)d by %(height)d pixels.")
        raise ImageRefused("too_small", message % {"width": opened.width, "height": opened.height})
    if max(opened.size) > MAX_ASPECT * min(opened.size):
        message = _("The picture is too long and narrow: at most %(times)d times as long as it is wide.")
        raise ImageRefused("too_narrow", message % {"times": MAX_ASPECT})
    if opened.format in ("PNG", "WEBP") and getattr(opened, "n_frames", 1) > 1:
        raise ImageRefused("animated", _("The picture moves. Choose a still one."))


def _too_many_pixels(max_pixels: int) -> ImageRefused:
    message = _("The picture has more than %(millions)d million pixels. Save it smaller and try again.")
    return ImageRefused("too_many_pixels", message % {"millions": max_pixels // 1_000_000}, max_pixels=max_pixels)


def _normalise(opened: Image.Image) -> Image.Image:
    # A JPEG can be decoded at a half, a quarter or an eighth, which keeps a large photograph from filling memory.
    opened.draft(None, (WIDTHS[-1] * 2, WIDTHS[-1] * 2))
    opened.load()
    turn = _TURNS.get(_orientation(opened))
    profile = opened.info.get("icc_profile")
    picture: Image.Image = opened
    if picture.mode in ("P", "1", "I", "F") or picture.mode.startswith("I;"):
        picture = _eight_bits(picture)
    # Shrunk before it is turned: turned by a quarter, the height becomes the width of the page.
    quarter = turn in (_TURNS[5], _TURNS[6], _TURNS[7], _TURNS[8])
    width = picture.height if quarter else picture.width
    if width > WIDTHS[-1]:
        size = (
            max(1, round(picture.width * WIDTHS[-1] / width)),
            max(1, round(picture.height * WIDTHS[-1] / width)),
        )
        picture = picture.resize(size, Image.Resampling.LANCZOS, reducing_gap=3.0)
    picture = _to_srgb(picture, profile)
    if turn is not None:
        picture = picture.transpose(turn)
    clean = Image.new("RGB", picture.size)
    clean.paste(picture)
    return clean


def _orientation(opened: Image.Image) -> int:
    """The EXIF orientation; 1 (upright) where the camera's notes cannot be read, which is no reason to refuse."""
    try:
        return int(opened.getexif().get(_ORIENTATION, 1))
    except _BROKEN:
        return 1


def _eight_bits(picture: Image.Image) -> Image.Image:
    """Palettes, bitmaps and deep greys as eight bits a channel; a sixteen-bit grey is scaled, not cut off at white."""
    if picture.mode == "P":
        return picture.convert("RGBA" if "transparency" in picture.info else "RGB")
    if picture.mode == "1":
        return picture.convert("L")
    return picture.convert("I").point(lambda value: value * (1 / 256)).convert("L")


def _to_srgb(picture: Image.Image, profile: bytes | None) -> Image.Image:
    """sRGB on white. A profile that cannot be read is dropped: a shade off beats a refusal."""
    if picture.mode in ("RGBA", "LA", "PA", "RGBa", "La") or "transparency" in picture.info:
        # Transparent pictures would show the page through, which is dark for half of the readers.
        alpha = picture.convert("RGBA")
        picture = Image.new("RGB", alpha.size, "white")
        picture.paste(alpha, mask=alpha.getchannel("A"))
    if profile and len(profile) <= _MAX_PROFILE and picture.mode in ("RGB", "CMYK", "L"):
        try:
            source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            converted = ImageCms.profileToProfile(picture, source, ImageCms.createProfile("sRGB"), outputMode="RGB")
            if converted is not None:
                return converted
        except (ImageCms.PyCMSError, *_BROKEN):
            return picture.convert("RGB")
    return picture.convert("RGB")


def _ladder(width: int) -> tuple[int, ...]:
    """The widths to make of a picture: never wider than it is, and at least one."""
    return tuple(step for step in WIDTHS if step <= width) or (width,)


def _shrink(picture: Image.Image, width: int) -> Image.Image:
    if width == picture.width:
        return picture
    height = max(1, round(picture.height * width / picture.width))
    return picture.resize((width, height), Image.Resampling.LANCZOS, reducing_gap=3.0)


def _encode(picture: Image.Image) -> bytes:
    out = io.BytesIO()
    picture.save(out, "WEBP", quality=QUALITY, method=4)
    return out.getvalue()


def _store(name: str, renditions: dict[int, bytes], storage: Storage) -> None:
    with alone(storage):
        for width, data in renditions.items():
            wanted = f"{FOLDER}/{name}/{width}.webp"
            if storage.exists(wanted):
                if storage.size(wanted) == len(data):
                    os.utime(storage.path(wanted))  # wanted anew: the sweep of lost pictures goes by the date
                    continue
                storage.delete(wanted)  # a write that was cut short left a stump
            storage.save(wanted, ContentFile(data))


@contextmanager
def alone(storage: Storage) -> Iterator[None]:
    """Nobody else stores or sweeps pictures meanwhile. The lock is the file system's, which lets go of it when the
    process dies; the storage is one of files."""
    folder = Path(storage.path(FOLDER))
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def renew(picture: HasRenditions, *, storage: Storage | None = None) -> bool:
    """Date a stored picture as if it had come now, for a row that will name it; whether all of it is still there."""
    kept = storage or default_storage
    names = [path(picture, width) for width in picture.widths]
    with alone(kept):
        found = all(kept.exists(name) for name in names)
        for name in names if found else ():
            os.utime(kept.path(name))
    return found
