"""The image pipeline takes photographs and nothing else, and keeps nothing of the file but its pixels."""

import io
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from django.core.files.storage import FileSystemStorage
from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils import translation
from PIL import Image

from businesses import images
from businesses.images import ImageRefused, ProcessedImage, ingest
from tests.businesses import hostile_files as files


@pytest.fixture
def storage(tmp_path: Path) -> FileSystemStorage:
    return FileSystemStorage(location=tmp_path, base_url="/media/")


def rendition(storage: FileSystemStorage, picture: ProcessedImage, width: int) -> Image.Image:
    with storage.open(images.path(picture, width)) as file:
        return Image.open(io.BytesIO(file.read())).copy()


def stored(storage: FileSystemStorage) -> list[Path]:
    return [path for path in Path(storage.location).rglob("*") if path.is_file() and path.name != ".lock"]


HOSTILE = {
    "an empty file": (b"", "empty"),
    "an SVG with a script": (files.SVG, "wrong_kind"),
    "a PDF named .jpg": (files.PDF, "wrong_kind"),
    "a web page": (files.HTML, "wrong_kind"),
    "a GIF": (files.encoded(files.photo(64, 64), "GIF"), "wrong_kind"),
    "a TIFF": (files.encoded(files.photo(64, 64), "TIFF"), "wrong_kind"),
    "a BMP": (files.encoded(files.photo(64, 64), "BMP"), "wrong_kind"),
    "an ICO": (files.encoded(files.photo(64, 64), "ICO"), "wrong_kind"),
    "a ZIP": (files.zipped(), "wrong_kind"),
    "random bytes": (bytes(range(256)) * 40, "wrong_kind"),
    "a JPEG's first bytes and nothing more": (b"\xff\xd8\xff\xe0", "broken"),
    "a JPEG's first bytes before noise": (b"\xff\xd8\xff\xe0" + bytes(range(256)) * 40, "broken"),
    "a JPEG cut in half": (files.jpeg(1200, 800)[: len(files.jpeg(1200, 800)) // 2], "broken"),
    "a PNG cut in half": (files.png(1200, 800)[: len(files.png(1200, 800)) // 2], "broken"),
    "a WebP cut in half": (files.webp(1200, 800)[: len(files.webp(1200, 800)) // 2], "broken"),
    "a PNG with no pixels": (files.PNG_SIGNATURE + files.chunk(b"IEND", b""), "broken"),
    "a PNG of no size": (files.png_claiming(0, 0), "broken"),
    "a PNG that claims a hundred thousand a side": (files.png_claiming(100_000, 100_000), "too_many_pixels"),
    "a PNG that claims just over the limit": (files.png_claiming(6_400, 6_251), "too_many_pixels"),
    "a WebP that claims sixteen thousand a side": (files.webp_claiming(16_383, 16_383), "too_many_pixels"),
    "a picture with a bomb for a comment": (files.png_text_bomb(), "broken"),
    "a JPEG that is a ZIP as well": (files.jpeg() + files.zipped(), "two_kinds"),
    "a PNG that is a ZIP as well": (files.png() + files.zipped(), "two_kinds"),
    "a JPEG that is a PDF as well": (files.with_comment(files.PDF), "two_kinds"),
    "a JPEG that is a web page as well": (files.with_comment(files.HTML), "two_kinds"),
    "a JPEG with a program behind it": (files.jpeg() + b"<?php system($_GET['c']); ?>", "two_kinds"),
    "a PNG with anything behind it": (files.png() + b"x", "two_kinds"),
    "a WebP with anything behind it": (files.webp() + b"tail of something", "two_kinds"),
    "a moving PNG": (files.moving("PNG"), "animated"),
    "a moving WebP": (files.moving("WEBP"), "animated"),
    "a tracking dot": (files.png(1, 1), "too_small"),
    "a strip": (files.png(4_000, 20), "too_narrow"),
}


@pytest.mark.parametrize(("data", "code"), HOSTILE.values(), ids=HOSTILE.keys())
def test_a_hostile_file_is_refused_with_a_reason_and_nothing_is_stored(
    data: bytes, code: str, storage: FileSystemStorage
) -> None:
    with pytest.raises(ImageRefused) as refusal:
        ingest(SimpleUploadedFile("holiday.jpg", data, content_type="image/jpeg"), storage=storage)
    assert refusal.value.code == code
    assert str(refusal.value)
    assert stored(storage) == []


def test_a_decompression_bomb_is_refused_before_it_unfolds(storage: FileSystemStorage) -> None:
    bomb = files.png_bomb()
    assert len(bomb) < images.MAX_BYTES, "the bomb must get past the limit on bytes to prove anything"
    with pytest.raises(ImageRefused) as refusal:
        ingest(io.BytesIO(bomb), storage=storage)
    assert refusal.value.code == "too_many_pixels"


def test_two_hundred_megabytes_are_not_even_read(storage: FileSystemStorage) -> None:
    class Endless(io.RawIOBase):
        """An upload that counts what is read of it."""

        taken = 0

        def readable(self) -> bool:
            return True

        def seekable(self) -> bool:
            return False

        def seek(self, offset: int, whence: int = 0) -> int:
            return 0

        def read(self, size: int = -1) -> bytes:
            assert size > 0, "the whole upload was asked for"
            self.taken += size
            return bytes(min(size, 200 * 1024 * 1024))

    upload = Endless()
    with pytest.raises(ImageRefused) as refusal:
        ingest(upload, storage=storage)
    assert refusal.value.code == "too_large"
    assert upload.taken == images.MAX_BYTES + 1
    assert "20 MB" in str(refusal.value)


def test_a_refusal_speaks_the_readers_language_later() -> None:
    with pytest.raises(ImageRefused) as refusal:
        ingest(io.BytesIO(b""))
    with translation.override("en"):
        assert str(refusal.value) == "The file is empty. Choose the picture again."


@pytest.mark.parametrize("data", [files.jpeg(), files.png(), files.webp()], ids=["JPEG", "PNG", "WebP"])
def test_the_three_kinds_are_taken_whatever_their_name(data: bytes, storage: FileSystemStorage) -> None:
    picture = ingest(SimpleUploadedFile("notes.txt", data, content_type="text/plain"), storage=storage)
    assert picture.widths == (320, 640)
    assert (picture.width, picture.height) == (640, 400)
    assert rendition(storage, picture, 320).size == (320, 200)
    assert rendition(storage, picture, 640).format in (None, "WEBP")


def test_a_large_photograph_gets_the_whole_ladder_and_a_small_one_is_never_blown_up(
    storage: FileSystemStorage,
) -> None:
    large = ingest(io.BytesIO(files.jpeg(4_000, 2_500)), storage=storage)
    assert large.widths == images.WIDTHS
    assert (large.width, large.height) == (1600, 1000)
    for width in large.widths:
        assert rendition(storage, large, width).size == (width, width * 5 // 8)
    small = ingest(io.BytesIO(files.jpeg(200, 150)), storage=storage)
    assert small.widths == (200,)
    between = ingest(io.BytesIO(files.jpeg(1000, 600)), storage=storage)
    assert between.widths == (320, 640, 960)
    assert (between.width, between.height) == (960, 576)


def test_everything_the_camera_noted_is_gone(storage: FileSystemStorage) -> None:
    xmp = b"<x:xmpmeta xmlns:x='adobe:ns:meta/'>SecretPlace</x:xmpmeta>"
    data = files.jpeg(1300, 800, exif=files.camera_notes(), xmp=xmp, comment=b"SecretComment")
    assert b"SecretPhoneMaker" in data and b"SecretPlace" in data and b"SecretComment" in data
    picture = ingest(io.BytesIO(data), storage=storage)
    for path in stored(storage):
        raw = path.read_bytes()
        for trace in (b"Secret", b"Hatamura", b"EXIF", b"Exif", b"XMP ", b"ICCP", b"xmpmeta"):
            assert trace not in raw, f"{trace!r} survived in {path.name}"
        assert dict(Image.open(path).getexif()) == {}
    assert len(stored(storage)) == len(picture.widths)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_photograph_taken_sideways_is_stored_upright(orientation: int, storage: FileSystemStorage) -> None:
    upright = files.photo(480, 320)
    turned = {
        1: None,
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }[orientation]
    taken = upright if turned is None else upright.transpose(turned)
    data = files.encoded(taken, "JPEG", quality=95, exif=files.camera_notes(orientation))
    picture = ingest(io.BytesIO(data), storage=storage)
    assert (picture.width, picture.height) == (320, 213)
    shown = rendition(storage, picture, 320).convert("RGB")
    wanted = upright.resize((320, 213))
    for point in ((20, 20), (300, 20), (20, 190), (300, 190)):
        close = all(abs(a - b) < 24 for a, b in zip(shown.getpixel(point), wanted.getpixel(point), strict=True))
        assert close, f"wrong corner {point} for orientation {orientation}"


def test_other_colours_become_srgb_on_white(storage: FileSystemStorage) -> None:
    transparent = Image.new("RGBA", (320, 200), (255, 0, 0, 0))
    red = Image.new("RGB", (320, 200), (200, 30, 30))
    cases = {
        "transparent PNG": (files.encoded(transparent, "PNG"), (255, 255, 255)),
        "palette PNG": (files.encoded(red.convert("P", palette=Image.Palette.ADAPTIVE), "PNG"), (200, 30, 30)),
        "grey PNG": (files.encoded(Image.new("L", (320, 200), 100), "PNG"), (100, 100, 100)),
        "bitmap PNG": (files.encoded(Image.new("1", (320, 200), 1), "PNG"), (255, 255, 255)),
        "deep grey PNG": (files.encoded(Image.new("I;16", (320, 200), 128 * 256), "PNG"), (128, 128, 128)),
        "CMYK JPEG": (files.encoded(red.convert("CMYK"), "JPEG", quality=95), (200, 30, 30)),
        "broken profile": (files.encoded(red, "JPEG", quality=95, icc_profile=b"not a profile"), (200, 30, 30)),
        "profile of another space": (
            files.encoded(red, "JPEG", quality=95, icc_profile=files.lab_profile()),
            (200, 30, 30),
        ),
    }
    for name, (data, wanted) in cases.items():
        picture = ingest(io.BytesIO(data), storage=storage)
        shown = rendition(storage, picture, 320).convert("RGB").getpixel((160, 100))
        assert all(abs(a - b) <= 8 for a, b in zip(shown, wanted, strict=True)), f"{name}: {shown}"


def test_a_telephones_jpeg_with_a_clip_behind_it_is_taken_without_the_clip(storage: FileSystemStorage) -> None:
    clip = b"\x00\x00\x00\x18ftypmp42" + b"SecretClip" * 500
    ingest(io.BytesIO(files.jpeg() + clip), storage=storage)
    assert all(b"SecretClip" not in path.read_bytes() for path in stored(storage))


def test_a_telephones_picture_of_several_parts_is_taken_as_its_first(storage: FileSystemStorage) -> None:
    first, second = files.photo(640, 400), Image.new("RGB", (640, 400), "black")
    data = files.encoded(first, "MPO", save_all=True, append_images=[second])
    picture = ingest(io.BytesIO(data), storage=storage)
    assert max(rendition(storage, picture, 320).convert("L").getextrema()) > 100


def test_unreadable_camera_notes_do_not_refuse_a_good_picture(storage: FileSystemStorage) -> None:
    data = files.jpeg(640, 400, exif=b"Exif\0\0II*\0\xff\xff\xff\xff")
    assert ingest(io.BytesIO(data), storage=storage).widths == (320, 640)


def test_the_same_picture_twice_is_one_picture(storage: FileSystemStorage) -> None:
    first = ingest(io.BytesIO(files.jpeg()), storage=storage)
    files_of_first = {path: path.stat().st_ino for path in stored(storage)}
    second = ingest(io.BytesIO(files.jpeg()), storage=storage)
    assert first == second
    assert {path: path.stat().st_ino for path in stored(storage)} == files_of_first
    other = ingest(io.BytesIO(files.jpeg(640, 401)), storage=storage)
    assert other.digest != first.digest


def test_a_file_cut_short_by_a_crash_is_written_again(storage: FileSystemStorage) -> None:
    picture = ingest(io.BytesIO(files.jpeg()), storage=storage)
    stump = Path(storage.path(images.path(picture, 640)))
    whole = stump.read_bytes()
    stump.write_bytes(whole[:100])
    ingest(io.BytesIO(files.jpeg()), storage=storage)
    assert stump.read_bytes() == whole
    assert len(stored(storage)) == 2


def test_addresses_for_a_page() -> None:
    picture = ProcessedImage(digest="ab12", widths=(960, 320, 640), width=960, height=600)
    assert images.srcset(picture) == (
        "/media/pictures/ab12/320.webp 320w, /media/pictures/ab12/640.webp 640w, /media/pictures/ab12/960.webp 960w"
    )
    assert images.src(picture, 400) == "/media/pictures/ab12/640.webp"
    assert images.src(picture, 5_000) == "/media/pictures/ab12/960.webp"
    assert picture.height_per_mille == 625


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "palette"])
def test_the_largest_picture_allowed_stays_within_a_bounded_memory(kind: str, tmp_path: Path) -> None:
    """In a process of its own, since memory once used is never given back to the count."""
    data = {
        "PNG": lambda: files.encoded(Image.new("RGBA", (8_000, 5_000), (200, 90, 40, 255)), "PNG", compress_level=1),
        "JPEG": lambda: files.encoded(Image.new("RGB", (8_000, 5_000), (200, 90, 40)), "JPEG"),
        "palette": lambda: files.encoded(Image.new("P", (8_000, 5_000), 3), "PNG", compress_level=1),
    }[kind]()
    source = tmp_path / "large"
    source.write_bytes(data)
    script = textwrap.dedent(
        f"""
        import resource
        from django.conf import settings
        settings.configure(USE_I18N=False)
        from django.core.files.storage import FileSystemStorage
        from businesses import images
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        with open({str(source)!r}, "rb") as file:
            picture = images.ingest(file, storage=FileSystemStorage(location={str(tmp_path / "out")!r}))
        assert picture.widths == images.WIDTHS, picture
        print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)
        """
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=600)
    megabytes = int(done.stdout)
    assert megabytes < 420, f"{megabytes} MB for 40 million pixels"
