"""The drawn pictures: one for each trade, all different, the same every time, taken by the image pipeline."""

import io
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest
from django.conf import settings
from django.core.files.storage import FileSystemStorage
from PIL import Image, ImageChops, ImageStat

from businesses.images import ingest
from businesses.models import Business
from microfund.site import scenes
from microfund.site.drawing import Drawing
from microfund.site.painting import png


def test_every_trade_has_a_scene_with_words_in_both_languages() -> None:
    assert set(scenes.SCENES) == set(Business.Trade.values) - {"other"}
    texts = [scenes.describe(kind) for kind in scenes.SCENES]
    assert len({english for english, _ in texts}) == len({japanese for _, japanese in texts}) == len(scenes.SCENES)
    assert all(len(english) <= 250 and len(japanese) <= 250 for english, japanese in texts)


def test_no_two_scenes_are_alike_and_each_is_the_same_twice(tmp_path: Path) -> None:
    storage = FileSystemStorage(location=tmp_path)
    digests = set()
    for kind in scenes.SCENES:
        picture = scenes.rasterise(kind, 640)
        assert picture == scenes.rasterise(kind, 640)
        digests.add(ingest(io.BytesIO(picture), storage=storage).digest)
    assert len(digests) == len(scenes.SCENES)


def test_a_scene_fills_the_whole_ladder_of_the_pipeline(tmp_path: Path) -> None:
    picture = ingest(io.BytesIO(scenes.rasterise("oyster")), storage=FileSystemStorage(location=tmp_path))
    assert picture.widths == (320, 640, 960, 1280, 1600)
    assert (picture.width, picture.height) == (1600, 1000)


@pytest.mark.parametrize("name", ["hero", "adrift"])
def test_the_committed_drawing_is_what_the_code_draws(name: str) -> None:
    committed = Path(settings.BASE_DIR) / "static" / "img" / f"{name}.svg"
    assert committed.read_text() == getattr(scenes, name)().svg()


@pytest.mark.parametrize("kind", scenes.SCENES)
def test_a_scene_is_well_formed_svg_of_attributes_only(kind: str) -> None:
    text = scenes.scene(kind).svg()
    root = ElementTree.fromstring(text)  # noqa: S314 (our own drawing)
    assert root.attrib["aria-label"] == scenes.scene(kind).title
    assert "style" not in text and "script" not in text
    assert len(text) < 40_000


def test_an_unknown_trade_has_no_scene() -> None:
    with pytest.raises(KeyError):
        scenes.rasterise("casino")


def test_pixels_fall_where_the_numbers_say() -> None:
    board = Drawing(100, 100, "a test")
    board.rect(0, 0, 100, 100, "#FFFFFF")
    with board.placed(50, 50, 2):
        board.rect(-5, -5, 10, 10, "#FF0000")
    board.circle(80, 20, 10, "#0000FF", 0.5)
    board.path("M0 90h40v10h-40Z", "#00FF00")
    shown = Image.open(io.BytesIO(png(board, 200)))
    assert shown.size == (200, 200)
    assert shown.getpixel((100, 100)) == (255, 0, 0)
    assert shown.getpixel((82, 82)) == (255, 0, 0)
    assert shown.getpixel((78, 78)) == (255, 255, 255)
    assert shown.getpixel((160, 40)) == (127, 127, 255)
    assert shown.getpixel((40, 190)) == (0, 255, 0)


def test_a_translucent_shape_does_not_darken_where_it_crosses_itself() -> None:
    board = Drawing(100, 100, "a test")
    board.rect(0, 0, 100, 100, "#FFFFFF")
    board.line([(10, 10), (90, 90), (90, 10), (10, 90)], "#000000", 10, 0.5)
    shown = Image.open(io.BytesIO(png(board, 100))).convert("L")
    assert shown.getpixel((50, 50)) == shown.getpixel((30, 30)) == 127


def test_two_scenes_differ_to_the_eye() -> None:
    """A control for the comparison of digests: the pixels differ, not only the encoding."""
    one, other = (Image.open(io.BytesIO(scenes.rasterise(kind, 320))) for kind in ("sake", "soy"))
    assert sum(ImageStat.Stat(ImageChops.difference(one, other)).mean) > 5


def test_a_path_that_is_none_is_refused() -> None:
    with pytest.raises(ValueError, match="not a path"):
        Drawing(10, 10, "a test").path("12 13")


def test_each_part_of_a_story_has_a_picture_and_words_of_its_own() -> None:
    for kind in scenes.SCENES:
        shown = {png(scenes.moment(kind, name), 120) for name in ("before", "day", "now", "next")}
        assert len(shown | {scenes.rasterise(kind, 120)}) == 5
        words = [scenes.describe_moment(kind, name) for name in ("before", "day", "now", "next")]
        assert len({english for english, _ in words}) == len({japanese for _, japanese in words}) == 4
        assert all(len(english) <= 250 and len(japanese) <= 250 for english, japanese in words)
