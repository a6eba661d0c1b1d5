"""Scenes of the shore: rafts, racks, crates, tins and a hull."""

from microfund.site.drawing import Drawing
from microfund.site.scene_parts import (
    CREAM,
    DARK_WOOD,
    DEEP,
    EVENING,
    FAR,
    GOLD,
    MID,
    MOSS,
    NEAR,
    RED,
    SAND,
    SNOW,
    STEEL,
    SUN,
    WOOD,
    board,
    boat,
    can,
    crate,
    fish,
    gulls,
    house,
    person,
    quay,
    raft,
)


def oyster() -> Drawing:
    """Rafts in the bay and a boat working along them."""
    d = board("Oyster rafts and a working boat in a calm bay", 21, EVENING)
    raft(d, 330, 268, 0.7)
    boat(d, 486, 272, 0.85)
    person(d, 446, 274, 0.62, GOLD, hat=RED, reach=-1)
    raft(d, 150, 300, 1.1)
    raft(d, 400, 340, 1.4)
    gulls(d, ((300, 70), (340, 96)), 0.8)
    return d


def seaweed() -> Drawing:
    """Wakame hung to dry in rows on the shore."""
    d = board("Wakame hung on drying racks by the sea, one worker between the rows", 57, (0.5, 0.3, 0.13))
    boat(d, 560, 270, 0.55, CREAM)
    quay(d, 312)
    rows = ((216, 314, 330, 660, 0.8), (238, 346, -20, 420, 1.05), (262, 392, 230, 660, 1.4))
    for row, (top, foot, left, right, scale) in enumerate(rows):
        posts = 4
        for index in range(posts):
            x = left + 26 + index * (right - left - 52) / (posts - 1)
            d.line([(x, top - 8 * scale), (x, foot)], DARK_WOOD, 4.5 * scale)
        d.line([(left, top), (right, top)], WOOD, 4 * scale)
        step = 17 * scale
        for index in range(int((right - left - 20) / step)):
            x = left + 12 + index * step
            length = (48 + (index * 37 % 19)) * scale
            sway = (6 if index % 2 else -5) * scale
            d.path(
                f"M{x} {top}q{sway} {length * 0.5} {sway * 0.4} {length}"
                f"q{8 * scale} {-length * 0.3} {11 * scale} {-length}Z",
                MOSS if (index + row) % 3 else "#3C6347",
            )
    person(d, 168, 390, 1.15, NEAR, hat=GOLD, reach=1)
    d.path("M196 392h58l-8 -26h-42Z", WOOD)
    d.path("M204 366q10 -14 21 -4q12 -12 21 4Z", MOSS)
    return d


def fishworks() -> Drawing:
    """A hall by the water, crates stacked high, gulls above."""
    d = board("A fish works on the quay with stacked crates of the morning catch and gulls", 69, (0.16, 0.26, 0.1))
    boat(d, 92, 282, 0.9)
    quay(d, 312)
    d.rect(190, 172, 430, 146, STEEL)
    for index in range(4):
        x = 190 + index * 107.5
        d.polygon([(x, 172), (x, 122), (x + 107.5, 172)], NEAR)
        d.line([(x + 2, 128), (x + 2, 172)], SNOW, 4, 0.6)
    for index in range(1, 24):
        d.line([(190 + index * 18, 178), (190 + index * 18, 318)], SNOW, 2, 0.5)
    d.rect(236, 214, 150, 104, DEEP)
    d.rect(236, 214, 150, 16, NEAR)
    d.rect(236, 230, 150, 4, SNOW, opacity=0.5)
    for x in (430, 500, 570):
        d.rect(x - 22, 206, 44, 26, GOLD, 2, 0.85)
    for level, count in ((0, 5), (1, 4), (2, 2)):
        for index in range(count):
            crate(d, 404 + index * 44 + level * 8, 372 - level * 21, 42, (NEAR, MID, SUN)[(index + level) % 3])
    crate(d, 150, 386, 96, MID)
    for index in range(4):
        fish(d, 182 + index * 17, 338 - (index % 2) * 6, 0.7, STEEL if index % 2 else FAR)
    crate(d, 262, 388, 96, NEAR)
    for index in range(4):
        fish(d, 296 + index * 17, 340 - (index % 2) * 6, 0.7, FAR if index % 2 else STEEL)
    person(d, 132, 384, 1.05, SUN, hat=SNOW, reach=1)
    gulls(d, ((300, 62), (352, 40), (420, 78), (520, 52)))
    return d


def cannery() -> Drawing:
    """A pyramid of tins before the plant with its chimney."""
    d = board("A pyramid of fish tins in front of a brick cannery with a tall chimney", 117, (0.86, 0.3, 0.1))
    quay(d, 300)
    d.polygon([(96, 300), (104, 70), (134, 70), (142, 300)], RED)
    d.rect(100, 66, 38, 10, DARK_WOOD)
    d.rect(102, 96, 34, 8, CREAM)
    d.path("M120 60q-14 -20 8 -34q20 -14 6 -30", stroke=SNOW, width=10, opacity=0.6)
    d.rect(30, 186, 280, 120, SUN)
    d.rect(30, 186, 280, 10, RED)
    for row in range(5):
        for column in range(10):
            d.line(
                [(40 + column * 27 + row % 2 * 12, 206 + row * 22), (54 + column * 27 + row % 2 * 12, 206 + row * 22)],
                RED,
                2.5,
                0.45,
            )
    for x in (52, 108, 164):
        d.rect(x, 214, 38, 44, CREAM, 3)
        d.rect(x + 3, 217, 32, 38, NEAR, 2)
        d.path(f"M{x + 19} 217v38M{x + 3} 236h32", stroke=CREAM, width=2)
    d.rect(228, 224, 62, 82, DEEP)
    person(d, 262, 350, 1.0, NEAR, hat=SNOW, reach=1)
    labels = (RED, NEAR, GOLD, MOSS)
    for level, count in enumerate((5, 4, 3, 2, 1)):
        for index in range(count):
            x = 338 + level * 29 + index * 58
            can(d, x, 384 - level * 43, 1.06, labels[(index + level * 2) % 4])
    return d


def boats() -> Drawing:
    """A hull on the slip, its ribs still bare, before the workshop."""
    d = board("A wooden hull with bare ribs on the slipway of a boat workshop", 141, (0.6, 0.28, 0.12))
    quay(d, 316)
    house(d, 34, 322, 240, 128, FAR, NEAR, rise=0.46)
    d.rect(70, 214, 168, 108, DEEP)
    d.rect(70, 214, 168, 7, DARK_WOOD)
    # The pattern loft: curved templates hung on the back wall, a bench below.
    for x in (96, 122, 148, 174):
        d.path(f"M{x} 232Q{x + 4} 268 {x + 26} 282", stroke=SAND, width=5)
    d.rect(86, 296, 136, 8, WOOD)
    d.rect(96, 304, 7, 18, WOOD)
    d.rect(206, 304, 7, 18, WOOD)
    d.path("M268 392L640 336M286 400L640 350", stroke=DARK_WOOD, width=6)
    for index in range(7):
        x = 308 + index * 50
        d.line([(x, 388 - index * 7.6), (x + 12, 396 - index * 7.6)], DARK_WOOD, 7)
    for index in range(9):
        x = 338 + index * 28
        d.path(f"M{x} 350Q{x - 10} 290 {x - 4 + index} 246", stroke=SAND, width=6)
    d.path("M300 258Q330 352 366 360H548Q586 352 606 236Q580 300 548 302H372Q330 300 300 258Z", WOOD)
    d.path(
        "M318 300Q340 334 372 336H546Q574 332 590 300M336 326Q350 348 370 349H548Q566 348 578 328",
        stroke=DARK_WOOD,
        width=3,
    )
    d.path("M300 258Q330 300 372 302H548Q580 300 606 236", stroke=GOLD, width=5)
    for x in (392, 520):
        d.line([(x, 358), (x - 8, 388)], SAND, 7)
    person(d, 318, 392, 1.0, RED, reach=1)
    gulls(d, ((440, 60), (486, 84)), 0.8)
    return d
