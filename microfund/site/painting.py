"""Drawings as pixels: what ``Drawing.svg`` says in text, painted with Pillow. No browser is needed at seed time."""

import io
import math
from collections.abc import Sequence

from PIL import Image, ImageDraw

from microfund.site.drawing import SCALE_HEIGHT, SCALE_RADII, SCALE_WIDTH, Drawing, Gradient, Point, Shape, Waves

#: Painted at twice the size and shrunk, since Pillow's own edges are not smoothed.
SUPERSAMPLING = 2
CURVE_STEPS = 14


def png(drawing: Drawing, width: int) -> bytes:
    """The drawing as PNG bytes, ``width`` pixels wide; the same drawing gives the same bytes."""
    zoom = width * SUPERSAMPLING / drawing.width
    height = round(drawing.height * width / drawing.width)
    board = Image.new("RGB", (width * SUPERSAMPLING, height * SUPERSAMPLING), "white")
    for item in drawing.items:
        match item:
            case Gradient():
                _paint_gradient(board, item, zoom)
            case Waves():
                _paint_waves(board, item, zoom)
            case Shape():
                _paint_shape(board, item, zoom)
    out = io.BytesIO()
    # Whoever asks for it decodes it at once: small takes longer than quick.
    board.resize((width, height), Image.Resampling.BOX).save(out, "PNG", compress_level=1)
    return out.getvalue()


def _flatten(start: Point, steps: Sequence[tuple[Point, ...]], zoom: float) -> list[Point]:
    points = [start]
    for step in steps:
        if len(step) == 1:
            points.append(step[0])
            continue
        x0, y0 = points[-1]
        (x1, y1), (x2, y2), (x3, y3) = step
        for index in range(1, CURVE_STEPS + 1):
            t = index / CURVE_STEPS
            a, b, c, e = (1 - t) ** 3, 3 * (1 - t) ** 2 * t, 3 * (1 - t) * t * t, t**3
            points.append((a * x0 + b * x1 + c * x2 + e * x3, a * y0 + b * y1 + c * y2 + e * y3))
    return [(x * zoom, y * zoom) for x, y in points]


def _colour(name: str, opacity: float = 1.0) -> tuple[int, int, int, int]:
    red, green, blue = (int(name[index : index + 2], 16) for index in (1, 3, 5))
    return red, green, blue, round(255 * opacity)


def _paint_gradient(board: Image.Image, item: Gradient, zoom: float) -> None:
    x, y, width, height = (round(value * zoom) for value in item.box)
    if width <= 0 or height <= 0:
        return
    top, bottom = _colour(item.top), _colour(item.bottom)
    column = Image.new("RGB", (1, height))
    span = max(1, height - 1)
    for row in range(height):
        mixed = tuple((top[c] * (span - row) + bottom[c] * row) // span for c in range(3))
        column.putpixel((0, row), mixed)
    board.paste(column.resize((width, height)), (x, y))


def _paint_waves(board: Image.Image, item: Waves, zoom: float) -> None:
    x, y, width, height = (round(value * zoom) for value in item.box)
    mask = Image.new("L", (width, height), 0)
    draw = ImageDraw.Draw(mask)
    shade = round(255 * item.opacity)
    thick = max(1, round(1.4 * zoom))
    rows = math.ceil(item.box[3] / (SCALE_HEIGHT / 2)) + 4
    # The pattern is tied to the board's origin, as in SVG, so that both back-ends agree.
    first = math.floor(item.box[1] / (SCALE_HEIGHT / 2)) - 2
    for row in range(first, first + rows):
        shift = SCALE_WIDTH / 2 if row % 2 else 0.0
        cy = row * SCALE_HEIGHT / 2 * zoom - y
        for column in range(math.ceil((item.box[0] + item.box[2]) / SCALE_WIDTH) + 2):
            cx = (column * SCALE_WIDTH + shift) * zoom - x
            for radius in SCALE_RADII:
                r = radius * zoom
                draw.arc((cx - r, cy - r, cx + r, cy + r), 180, 360, fill=shade, width=thick)
    board.paste(_colour(item.colour)[:3], (x, y, x + width, y + height), mask)


def _paint_shape(board: Image.Image, shape: Shape, zoom: float) -> None:
    outlines = [(_flatten(start, steps, zoom), closed) for start, steps, closed in shape.contours]
    if shape.opacity >= 1:
        _paint(ImageDraw.Draw(board), outlines, shape, zoom)
        return
    # Translucent shapes are painted through a mask, so that overlapping parts of one shape do not add up.
    reach = math.ceil(shape.width * zoom) + 1 if shape.stroke else 1
    xs = [x for points, _ in outlines for x, _y in points]
    ys = [y for points, _ in outlines for _x, y in points]
    left, upper = max(0, math.floor(min(xs)) - reach), max(0, math.floor(min(ys)) - reach)
    right, lower = min(board.width, math.ceil(max(xs)) + reach), min(board.height, math.ceil(max(ys)) + reach)
    if right <= left or lower <= upper:
        return
    moved = [([(x - left, y - upper) for x, y in points], closed) for points, closed in outlines]
    layer = Image.new("RGBA", (right - left, lower - upper), (0, 0, 0, 0))
    _paint(ImageDraw.Draw(layer), moved, shape, zoom)
    mask = layer.getchannel("A").point([round(value * shape.opacity) for value in range(256)])
    board.paste(layer.convert("RGB"), (left, upper), mask)


def _paint(draw: ImageDraw.ImageDraw, outlines: Sequence[tuple[list[Point], bool]], shape: Shape, zoom: float) -> None:
    for points, closed in outlines:
        if shape.fill and len(points) > 2:
            draw.polygon(points, fill=_colour(shape.fill))
        if shape.stroke:
            colour = _colour(shape.stroke)
            thick = max(1, round(shape.width * zoom))
            draw.line([*points, points[0]] if closed else points, fill=colour, width=thick, joint="curve")
            if thick > 2:
                ends = points[:1] if closed else [points[0], points[-1]]
                for x, y in ends:
                    r = thick / 2 - 0.5
                    draw.ellipse((x - r, y - r, x + r, y + r), fill=colour)
