"""What scenes are made of: sky, ridges, sea, quay, roofs, curtains, barrels, boats, people at work.

Every part is drawn from the same palette and from its own foot (x, y), so that scenes read as a list of things.
"""

import random
from collections.abc import Sequence

from microfund.site.drawing import Drawing

SKY_TOP, SKY_LOW, SUN = "#FCE9D6", "#F6C9A8", "#E0663F"
FAR, MID, NEAR, DEEP = "#9DBFC4", "#5E97A1", "#0E5A6B", "#0A4453"
WOOD, DARK_WOOD, DARK, GOLD = "#8A5A3B", "#6E4429", "#142B36", "#E0A020"
MOSS, RED, CREAM, SAND, SNOW = "#4F7F55", "#B23A1E", "#F4E7CF", "#C9B48E", "#FFFFFF"
PAPER, SKIN, STEEL = "#FBF8F1", "#E8B98F", "#C9D6D8"
#: Hills are opaque: seen through, the sun looks dirty.
FAR_HILL, NEAR_HILL = "#B4C5C2", "#6FA0A8"
#: Where sea meets sky, as a share of the height.
HORIZON = 0.62
#: The two directions of light: where the sun stands, as shares of width and height, and how large it is.
MORNING = (0.78, 0.27, 0.12)
EVENING = (0.22, 0.32, 0.12)


def ridge(
    d: Drawing,
    base: float,
    amplitude: float,
    seed: int,
    fill: str,
    steps: int = 9,
    low_until: float = 0.0,
) -> None:
    """A range of hills, drawn by the seed; lower before ``low_until`` (a share of the width), where words stand."""
    chance = random.Random(seed)  # noqa: S311 (a drawing, not a secret)
    points = []
    for index in range(steps + 1):
        height = amplitude * (0.35 + 0.65 * chance.random())
        if index / steps < low_until:
            height *= 0.2
        points.append((index * d.width / steps, base - height))
    path = f"M0 {base + 60}L{points[0][0]:.1f} {points[0][1]:.1f}"
    for (x0, y0), (x1, y1) in zip(points, points[1:], strict=False):
        middle = (x0 + x1) / 2
        path += f"C{middle:.1f} {y0:.1f} {middle:.1f} {y1:.1f} {x1:.1f} {y1:.1f}"
    d.path(f"{path}L{d.width} {base + 60}Z", fill)


def backdrop(
    d: Drawing, seed: int, sun: tuple[float, float, float] | None, low_until: float = 0.0, hills: float = 1.0
) -> float:
    """Sky, sun (shares of width, height, height), two ridges and the sea with its glint. Returns the horizon's y."""
    horizon = d.height * HORIZON
    d.gradient(0, 0, d.width, d.height, SKY_TOP, SKY_LOW)
    if sun:
        d.circle(d.width * sun[0], d.height * sun[1], d.height * sun[2], SUN)
    ridge(d, horizon - d.height * 0.02, d.height * 0.24 * hills, seed + 1, FAR_HILL, low_until=low_until)
    ridge(d, horizon, d.height * 0.13 * hills, seed + 2, NEAR_HILL, steps=7, low_until=low_until)
    d.gradient(0, horizon, d.width, d.height - horizon, MID, DEEP)
    d.waves(0, horizon, d.width, d.height - horizon, SNOW, 0.13)
    if sun:
        cx, r, depth = d.width * sun[0], d.height * sun[2], d.height - horizon
        for index, share in enumerate((0.95, 0.6, 0.8, 0.42, 0.55, 0.25)):
            y = horizon + 6 + index * depth * 0.075
            d.rect(cx - r * share, y, 2 * r * share, max(2.0, d.height * 0.007), SKY_LOW, 3, 0.75 - 0.1 * index)
    return horizon


def board(title: str, seed: int, sun: tuple[float, float, float] | None, hills: float = 1.0) -> Drawing:
    """A board of 640 by 400 with its backdrop already on it."""
    drawing = Drawing(640, 400, title)
    backdrop(drawing, seed, sun, hills=hills)
    return drawing


def quay(d: Drawing, y: float) -> None:
    """The ground in front, from edge to edge."""
    d.rect(0, y, d.width, d.height - y, CREAM)
    d.rect(0, y - 2, d.width, 5, SAND)
    for x in range(40, d.width, 96):
        d.line([(x, y + 26), (x + 34, y + 26)], SAND, 2, 0.7)
        d.line([(x - 22, y + 58), (x + 24, y + 58)], SAND, 2, 0.5)


def house(
    d: Drawing,
    x: float,
    y: float,
    width: float,
    height: float,
    wall: str,
    roof: str,
    *,
    rise: float = 0.5,
    overhang: float = 0.12,
) -> None:
    """A wall with its foot at y and a hipped roof of tiles; the eaves throw a thin shadow."""
    top = y - height
    d.rect(x, top, width, height, wall)
    d.rect(x, top, width, 7, DARK, opacity=0.18)
    left, right = x - width * overhang, x + width * (1 + overhang)
    ridge_left, ridge_right, peak = x + width * 0.16, x + width * 0.84, top - height * rise
    d.polygon([(left, top), (ridge_left, peak), (ridge_right, peak), (right, top)], roof)
    for index in range(1, 8):
        share = index / 8
        d.line(
            [(left + (right - left) * share, top), (ridge_left + (ridge_right - ridge_left) * share, peak)],
            SNOW,
            2,
            0.16,
        )
    d.rect(ridge_left - 4, peak - 4, ridge_right - ridge_left + 8, 5, roof, 2)


def noren(d: Drawing, x: float, y: float, width: float, colour: str, depth: float = 0.34, slits: int = 4) -> None:
    """A split curtain hanging from a rod."""
    piece = width / slits
    d.line([(x - 4, y), (x + width + 2, y)], DARK_WOOD, 3)
    for index in range(slits):
        left = x + index * piece
        d.path(f"M{left} {y}h{piece - 2}v{width * depth}q{-(piece - 2) / 2} 5 {-(piece - 2)} 0Z", colour)


def barrel(d: Drawing, x: float, y: float, scale: float, colour: str = WOOD) -> None:
    """A cedar vat with two hoops."""
    with d.placed(x, y, scale):
        d.path("M-34 -60H34L28 0H-28Z", colour)
        for index in range(7):
            d.line([(-34 + index * 11.3, -60), (-28 + index * 9.3, 0)], DARK_WOOD, 1.6)
        d.line([(-33, -50), (33, -50)], GOLD, 4)
        d.line([(-30, -18), (30, -18)], GOLD, 4)
        d.line([(-29, -10), (29, -10)], GOLD, 4)
        d.ellipse(0, -60, 34, 8, DARK_WOOD)


def straw_barrel(d: Drawing, x: float, y: float, scale: float) -> None:
    """A sake cask wrapped in white straw, with a red crest."""
    with d.placed(x, y, scale):
        d.path("M-26 0Q-34 -24 -26 -48H26Q34 -24 26 0Z", PAPER, stroke=SAND, width=2)
        d.ellipse(0, -48, 26, 6, CREAM, stroke=SAND, width=2)
        d.path("M-29 -12H29M-29 -36H29", stroke=SAND, width=3)
        d.circle(0, -24, 9, RED)
        d.path("M-26 0H26", stroke=SAND, width=3)


def raft(d: Drawing, x: float, y: float, scale: float) -> None:
    """An oyster raft on four floats."""
    with d.placed(x, y, scale):
        for index in range(9):
            d.rect(-60 + index * 15, -3, 5, 26, DARK_WOOD, 2)
        for level in (0, 9, 18):
            d.rect(-66, level, 136, 4, WOOD, 2)
        for float_x in (-60, -20, 20, 62):
            d.circle(float_x, 26, 6, GOLD)


def boat(d: Drawing, x: float, y: float, scale: float, colour: str = SNOW) -> None:
    """A small working boat with a pennant."""
    with d.placed(x, y, scale):
        d.line([(-34, 0), (-34, -52), (-66, 0)], DARK, 2.5)
        d.path("M-34 -50L-8 -44L-34 -38Z", SUN)
        d.rect(-18, -26, 40, 28, colour, 3)
        d.rect(-12, -20, 10, 9, NEAR)
        d.rect(3, -20, 10, 9, NEAR)
        d.path("M-70 0H70L52 26H-50Z", colour)
        d.path("M-67 6H67L64 11H-62Z", RED)


def gulls(d: Drawing, places: Sequence[tuple[float, float]], scale: float = 1.0) -> None:
    """Birds far off."""
    for x, y in places:
        with d.placed(x, y, scale):
            d.path("M0 0q10 -9 20 0q10 -9 20 0", stroke=DARK, width=2.4)


def person(d: Drawing, x: float, y: float, scale: float, coat: str, *, hat: str = SAND, reach: int = 1) -> None:
    """Someone small and at work, reaching to the right (1) or the left (-1)."""
    with d.placed(x, y, scale):
        d.path("M-8 0V-20H8V0H2V-14H-2V0Z", DARK)
        d.path("M-9 -18Q-11 -44 0 -46Q11 -44 9 -18Z", coat)
        d.line([(4 * reach, -38), (16 * reach, -31), (25 * reach, -34)], coat, 6)
        d.circle(26 * reach, -34, 3.2, SKIN)
        d.circle(0, -53, 7.5, SKIN)
        d.path("M-9 -55Q-8 -63 0 -63Q8 -63 9 -55Z", hat)


def steam(d: Drawing, x: float, y: float, scale: float = 1.0) -> None:
    """Three curls of steam."""
    with d.placed(x, y, scale):
        for shift, opacity in ((-14, 0.75), (2, 0.9), (18, 0.6)):
            d.path(f"M{shift} 0q-10 -14 0 -28q10 -14 0 -28", stroke=SNOW, width=6, opacity=opacity)


def pine(d: Drawing, x: float, y: float, scale: float) -> None:
    """A pine bent by the sea wind."""
    with d.placed(x, y, scale):
        d.path("M0 0Q-4 -40 10 -62Q20 -80 12 -104", stroke=DARK_WOOD, width=8)
        d.path("M8 -56Q-12 -62 -22 -58", stroke=DARK_WOOD, width=5)
        for cx, cy, rx in ((-26, -64, 26), (26, -86, 30), (6, -112, 32)):
            d.ellipse(cx, cy, rx, rx * 0.42, MOSS)


def crate(d: Drawing, x: float, y: float, width: float, colour: str) -> None:
    """An open fish crate with slats; its foot at y."""
    height = width * 0.46
    d.rect(x, y - height, width, height, colour, 3)
    for share in (0.28, 0.64):
        d.rect(x + width * 0.08, y - height * (1 - share) - 2, width * 0.84, height * 0.14, DARK, 2, 0.22)
    d.rect(x, y - height, width, height * 0.14, SNOW, 2, 0.3)


def fish(d: Drawing, x: float, y: float, scale: float, colour: str) -> None:
    """A fish lying to the right."""
    with d.placed(x, y, scale):
        d.path("M-30 0Q-8 -15 22 -3Q26 0 22 3Q-8 15 -30 0Z", colour)
        d.path("M-27 0L-42 -11Q-37 0 -42 11Z", colour)
        d.circle(15, -2, 1.8, DARK)
        d.path("M7 -7Q3 0 7 7", stroke=DARK, width=1.4, opacity=0.45)


def can(d: Drawing, x: float, y: float, scale: float, label: str) -> None:
    """A tin with a fish on its label; its foot at y."""
    with d.placed(x, y, scale):
        d.path("M-26 -38V0Q0 9 26 0V-38Z", STEEL)
        d.path("M-26 -31V-6Q0 3 26 -6V-31Q0 -22 -26 -31Z", label)
        d.ellipse(0, -38, 26, 7, SNOW, stroke=MID, width=1.6)
        d.ellipse(0, -38, 19, 4.6, None, stroke=MID, width=1.2)
    fish(d, x + 2 * scale, y - 13 * scale, 0.38 * scale, SNOW)


def paper_window(d: Drawing, x: float, y: float, width: float, height: float, *, lit: bool = True) -> None:
    """A shoji window; lit from within when someone is home."""
    d.rect(x - 2, y - 2, width + 4, height + 4, DARK_WOOD)
    d.rect(x, y, width, height, GOLD if lit else STEEL, opacity=0.9)
    for index in (1, 2):
        d.line([(x + width * index / 3, y), (x + width * index / 3, y + height)], DARK_WOOD, 2)
    d.line([(x, y + height / 2), (x + width, y + height / 2)], DARK_WOOD, 2)
