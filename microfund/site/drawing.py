"""A tiny drawing board with two back-ends: SVG text here, pixels in ``painting``.

Scenes are written once against ``Drawing``. It knows rectangles, circles, ellipses, paths of lines and curves, vertical
gradients and a wave pattern; each shape is kept as numbers, so both back-ends draw the same. Nothing here is random.
"""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from xml.sax.saxutils import quoteattr

Point = tuple[float, float]
SCALE_WIDTH, SCALE_HEIGHT = 40, 20
SCALE_RADII = (18, 12, 6)
_PATH = re.compile(r"([MLHVCQZmlhvcqz])|(-?\d*\.?\d+(?:e-?\d+)?)")


@dataclass(frozen=True, slots=True)
class Shape:
    """One stroke or area: contours of a start, steps (one point for a line, three for a curve), and whether closed."""

    contours: tuple[tuple[Point, tuple[tuple[Point, ...], ...], bool], ...]
    fill: str | None
    stroke: str | None
    width: float
    opacity: float
    #: The same geometry as a shorter SVG element, where there is one.
    native: str = ""


@dataclass(frozen=True, slots=True)
class Gradient:
    """A rectangle shaded from its top to its bottom."""

    box: tuple[float, float, float, float]
    top: str
    bottom: str


@dataclass(frozen=True, slots=True)
class Waves:
    """A rectangle of the old wave-scale pattern: rows of three arcs, each row half a scale further."""

    box: tuple[float, float, float, float]
    colour: str
    opacity: float


@dataclass(slots=True)
class Drawing:
    """Shapes in the order in which they are painted, on a board of ``width`` by ``height`` units."""

    width: int
    height: int
    title: str
    items: list[Shape | Gradient | Waves] = field(default_factory=list)
    _origin: Point = (0.0, 0.0)
    _scale: float = 1.0

    # --- placing ------------------------------------------------------------------------------------

    @contextmanager
    def placed(self, x: float, y: float, scale: float = 1.0) -> Iterator[None]:
        """Draw what follows with (x, y) as its origin, scaled."""
        before = self._origin, self._scale
        self._origin = self._at(x, y)
        self._scale *= scale
        try:
            yield
        finally:
            self._origin, self._scale = before

    def _at(self, x: float, y: float) -> Point:
        return self._origin[0] + x * self._scale, self._origin[1] + y * self._scale

    # --- shapes -------------------------------------------------------------------------------------

    def gradient(self, x: float, y: float, width: float, height: float, top: str, bottom: str) -> None:
        """A rectangle shaded downwards."""
        left, upper = self._at(x, y)
        self.items.append(Gradient((left, upper, width * self._scale, height * self._scale), top, bottom))

    def waves(self, x: float, y: float, width: float, height: float, colour: str, opacity: float) -> None:
        """Wave scales over a rectangle, always of the same size."""
        left, upper = self._at(x, y)
        self.items.append(Waves((left, upper, width * self._scale, height * self._scale), colour, opacity))

    def path(
        self,
        d: str,
        fill: str | None = None,
        *,
        stroke: str | None = None,
        width: float = 2.0,
        opacity: float = 1.0,
        native: str = "",
    ) -> None:
        """An SVG path of the commands M L H V C Q Z, absolute or relative."""
        contours = tuple(
            (self._at(*start), tuple(tuple(self._at(*p) for p in step) for step in steps), closed)
            for start, steps, closed in _parse(d)
        )
        self.items.append(Shape(contours, fill, stroke, width * self._scale, opacity, native))

    def line(self, points: Sequence[Point], stroke: str, width: float = 2.0, opacity: float = 1.0) -> None:
        """Straight lines from point to point."""
        d = "M" + " L".join(f"{x} {y}" for x, y in points)
        self.path(d, stroke=stroke, width=width, opacity=opacity)

    def polygon(self, points: Sequence[Point], fill: str, opacity: float = 1.0) -> None:
        """A filled polygon."""
        self.path("M" + " L".join(f"{x} {y}" for x, y in points) + "Z", fill, opacity=opacity)

    def rect(
        self, x: float, y: float, width: float, height: float, fill: str, radius: float = 0.0, opacity: float = 1.0
    ) -> None:
        """A rectangle, its corners rounded by ``radius``."""
        r = min(radius, width / 2, height / 2)
        left, top = self._at(x, y)
        native = f'rect x="{_number(left)}" y="{_number(top)}" width="{_number(width * self._scale)}" '
        native += f'height="{_number(height * self._scale)}"'
        if r <= 0:
            self.path(f"M{x} {y}h{width}v{height}h{-width}Z", fill, opacity=opacity, native=native)
            return
        native += f' rx="{_number(r * self._scale)}"'
        w, h = width - 2 * r, height - 2 * r
        self.path(
            f"M{x + r} {y}h{w}q{r} 0 {r} {r}v{h}q0 {r} {-r} {r}h{-w}q{-r} 0 {-r} {-r}v{-h}q0 {-r} {r} {-r}Z",
            fill,
            opacity=opacity,
            native=native,
        )

    def ellipse(
        self,
        cx: float,
        cy: float,
        rx: float,
        ry: float,
        fill: str | None = None,
        *,
        stroke: str | None = None,
        width: float = 2.0,
        opacity: float = 1.0,
    ) -> None:
        """An ellipse of four curves."""
        kx, ky = rx * 0.5523, ry * 0.5523
        d = (
            f"M{cx - rx} {cy}C{cx - rx} {cy - ky} {cx - kx} {cy - ry} {cx} {cy - ry}"
            f"C{cx + kx} {cy - ry} {cx + rx} {cy - ky} {cx + rx} {cy}"
            f"C{cx + rx} {cy + ky} {cx + kx} {cy + ry} {cx} {cy + ry}"
            f"C{cx - kx} {cy + ry} {cx - rx} {cy + ky} {cx - rx} {cy}Z"
        )
        (left, top), (a, b) = self._at(cx, cy), (_number(rx * self._scale), _number(ry * self._scale))
        native = f'circle cx="{_number(left)}" cy="{_number(top)}" r="{a}"'
        if a != b:
            native = f'ellipse cx="{_number(left)}" cy="{_number(top)}" rx="{a}" ry="{b}"'
        self.path(d, fill, stroke=stroke, width=width, opacity=opacity, native=native)

    def circle(self, cx: float, cy: float, r: float, fill: str, opacity: float = 1.0) -> None:
        """A filled circle."""
        self.ellipse(cx, cy, r, r, fill, opacity=opacity)

    # --- back-ends ----------------------------------------------------------------------------------

    def svg(self) -> str:
        """The drawing as SVG text: attributes only, no style, so that the strictest page may show it."""
        shades: dict[tuple[str, str], str] = {}
        scales: dict[tuple[str, float], str] = {}
        body = []
        for item in self.items:
            if isinstance(item, Gradient):
                shade = shades.setdefault((item.top, item.bottom), f"g{len(shades)}")
                x, y, width, height = (_number(value) for value in item.box)
                body.append(f'<rect x="{x}" y="{y}" width="{width}" height="{height}" fill="url(#{shade})"/>')
            elif isinstance(item, Waves):
                scale = scales.setdefault((item.colour, item.opacity), f"w{len(scales)}")
                x, y, width, height = (_number(value) for value in item.box)
                body.append(f'<rect x="{x}" y="{y}" width="{width}" height="{height}" fill="url(#{scale})"/>')
            else:
                body.append(_svg_path(item))
        defs = "".join(
            f'<linearGradient id="{name}" x1="0" y1="0" x2="0" y2="1"><stop offset="0" stop-color="{top}"/>'
            f'<stop offset="1" stop-color="{bottom}"/></linearGradient>'
            for (top, bottom), name in shades.items()
        ) + "".join(_svg_pattern(name, colour, opacity) for (colour, opacity), name in scales.items())
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {self.width} {self.height}" '
            f'width="{self.width}" height="{self.height}" role="img" aria-label={quoteattr(self.title)} '
            'preserveAspectRatio="xMidYMid slice">'
            f"<title>{self.title}</title><defs>{defs}</defs>{''.join(body)}</svg>\n"
        )


# --- paths ------------------------------------------------------------------------------------------

_Contour = tuple[Point, list[tuple[Point, ...]], bool]


def _parse(d: str) -> list[_Contour]:
    """Contours of a path: a start, then lines (one point) and cubic curves (three), and whether it is closed."""
    tokens = [(command, number) for command, number in _PATH.findall(d)]
    contours: list[_Contour] = []
    here: Point = (0.0, 0.0)
    start: Point = here
    steps: list[tuple[Point, ...]] = []
    command = ""
    position = 0

    def number() -> float:
        nonlocal position
        value = float(tokens[position][1])
        position += 1
        return value

    def point(relative: bool) -> Point:
        x, y = number(), number()
        return (here[0] + x, here[1] + y) if relative else (x, y)

    def finish(closed: bool) -> None:
        if steps:
            contours.append((start, list(steps), closed))
            steps.clear()

    while position < len(tokens):
        if tokens[position][0]:
            command = tokens[position][0]
            position += 1
        relative = command.islower()
        match command.upper():
            case "M":
                finish(closed=False)
                here = start = point(relative)
                command = "l" if relative else "L"
            case "L":
                here = point(relative)
                steps.append((here,))
            case "H":
                here = (number() + (here[0] if relative else 0), here[1])
                steps.append((here,))
            case "V":
                here = (here[0], number() + (here[1] if relative else 0))
                steps.append((here,))
            case "C":
                first, second, end = point(relative), point(relative), point(relative)
                steps.append((first, second, end))
                here = end
            case "Q":
                middle, end = point(relative), point(relative)
                steps.append((_towards(here, middle, 2 / 3), _towards(end, middle, 2 / 3), end))
                here = end
            case "Z":
                finish(closed=True)
                here = start
            case _:
                raise ValueError(f"not a path: {d!r}")
    finish(closed=False)
    return contours


def _towards(a: Point, b: Point, share: float) -> Point:
    return a[0] + (b[0] - a[0]) * share, a[1] + (b[1] - a[1]) * share


# --- SVG --------------------------------------------------------------------------------------------


def _number(value: float) -> str:
    text = f"{value:.1f}"
    return text[:-2] if text.endswith(".0") else text


def _svg_path(shape: Shape) -> str:
    attributes = [shape.native or f'path d="{_svg_data(shape)}"', f'fill="{shape.fill or "none"}"']
    if shape.stroke:
        attributes.append(f'stroke="{shape.stroke}" stroke-width="{_number(shape.width)}"')
        attributes.append('stroke-linecap="round" stroke-linejoin="round"')
    if shape.opacity < 1:
        attributes.append(f'opacity="{shape.opacity:.2f}"')
    return f"<{' '.join(attributes)}/>"


def _svg_data(shape: Shape) -> str:
    d = []
    for start, steps, closed in shape.contours:
        d.append("M" + " ".join(_number(value) for value in start))
        for step in steps:
            d.append(("C" if len(step) == 3 else "L") + " ".join(_number(value) for each in step for value in each))
        if closed:
            d.append("Z")
    return "".join(d)


def _svg_pattern(name: str, colour: str, opacity: float) -> str:
    centres = ((0, 20), (40, 20), (20, 10), (20, 30))
    arcs = "".join(f"M{x - r} {y}a{r} {r} 0 0 1 {2 * r} 0" for x, y in centres for r in SCALE_RADII)
    return (
        f'<pattern id="{name}" width="{SCALE_WIDTH}" height="{SCALE_HEIGHT}" patternUnits="userSpaceOnUse">'
        f'<path d="{arcs}" fill="none" stroke="{colour}" stroke-opacity="{opacity:.2f}" stroke-width="1.4"/></pattern>'
    )
