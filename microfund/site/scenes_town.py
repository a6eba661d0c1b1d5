"""Scenes of the town: breweries, shops, an inn and a workroom."""

from microfund.site.drawing import Drawing
from microfund.site.scene_parts import (
    CREAM,
    DARK,
    DARK_WOOD,
    FAR,
    GOLD,
    MID,
    MORNING,
    MOSS,
    NEAR,
    PAPER,
    RED,
    SAND,
    SKY_LOW,
    SKY_TOP,
    SNOW,
    STEEL,
    SUN,
    WOOD,
    barrel,
    board,
    boat,
    house,
    noren,
    paper_window,
    person,
    pine,
    quay,
    ridge,
    steam,
    straw_barrel,
)


def sake() -> Drawing:
    """A brewery under a chimney, a cedar ball over the door."""
    d = board("A sake brewery with a cedar ball over the door and casks stacked outside", 33, MORNING)
    quay(d, 318)
    d.rect(404, 96, 26, 160, RED)
    d.rect(400, 92, 34, 10, DARK_WOOD)
    house(d, 90, 322, 340, 122, CREAM, DARK)
    d.rect(90, 288, 340, 34, DARK_WOOD)
    d.rect(205, 244, 110, 78, DARK)
    for x in (112, 150, 340, 378):
        paper_window(d, x, 232, 26, 34)
    noren(d, 206, 246, 108, NEAR, 0.3)
    d.line([(260, 196), (260, 208)], DARK, 3)
    d.circle(260, 222, 20, MOSS)
    d.path("M244 214q16 8 32 0M242 224q18 8 36 0", stroke=DARK, width=1.5, opacity=0.35)
    for x, y in ((464, 374), (528, 374), (592, 374), (496, 320), (560, 320), (528, 266)):
        straw_barrel(d, x, y, 1.05)
    person(d, 352, 366, 0.95, NEAR, hat=SNOW, reach=-1)
    return d


def soy() -> Drawing:
    """Three new cedar vats before a storehouse."""
    d = board("Three cedar soy-sauce vats outside a storehouse with a lattice wall", 45, (0.66, 0.24, 0.11))
    quay(d, 318)
    house(d, 40, 322, 250, 128, PAPER, DARK_WOOD, rise=0.62)
    d.rect(40, 270, 250, 52, DARK)
    for column in range(10):
        x = 40 + column * 25
        d.path(f"M{x} 296l12.5 -26l12.5 26l-12.5 26Z", stroke=SNOW, width=3, opacity=0.85)
    d.rect(128, 218, 74, 104, DARK_WOOD)
    d.rect(133, 223, 64, 99, WOOD)
    noren(d, 130, 222, 70, RED, 0.42, 3)
    for x, scale in ((372, 1.5), (566, 1.55)):
        barrel(d, x, 352, scale)
    barrel(d, 470, 380, 1.9)
    d.path("M404 380l26 -124M418 380l26 -124", stroke=SAND, width=4)
    for step in range(6):
        d.line([(407 + step * 4.4, 366 - step * 21), (421 + step * 4.4, 366 - step * 21)], SAND, 3)
    person(d, 300, 370, 0.95, RED, reach=1)
    return d


def tofu() -> Drawing:
    """A small shop in the hills, steam from its roof, square white blocks in cold water."""
    d = Drawing(640, 400, "A small tofu shop among misty hills, steam rising and white blocks in cold water")
    d.gradient(0, 0, 640, 400, SKY_TOP, SKY_LOW)
    d.circle(508, 84, 40, SUN)
    for base, height, seed, tone in ((210, 120, 81, FAR), (252, 100, 82, MID), (300, 90, 83, NEAR)):
        ridge(d, base, height, seed, tone, steps=6)
        d.rect(0, base - 18, 640, 40, SKY_TOP, 20, 0.42)
    d.rect(0, 300, 640, 100, MOSS)
    d.rect(0, 324, 640, 76, CREAM)
    house(d, 70, 330, 250, 116, WOOD, DARK, rise=0.55)
    d.rect(170, 136, 50, 26, DARK_WOOD)
    d.polygon([(160, 138), (195, 116), (230, 138)], DARK)
    steam(d, 192, 112, 1.2)
    d.rect(100, 236, 190, 94, DARK_WOOD)
    d.rect(106, 242, 178, 88, GOLD, opacity=0.35)
    noren(d, 104, 238, 182, SNOW, 0.22, 5)
    person(d, 180, 330, 0.98, SNOW, hat=SNOW, reach=1)
    d.rect(96, 308, 200, 26, WOOD)
    d.rect(330, 330, 270, 14, DARK_WOOD, 3)
    for x in (348, 574):
        d.rect(x, 344, 10, 48, DARK_WOOD)
    d.rect(346, 296, 238, 36, MID, 4)
    d.rect(352, 300, 226, 28, FAR, 3)
    for index in range(5):
        x = 364 + index * 42
        d.polygon([(x, 300), (x + 6, 292), (x + 36, 292), (x + 30, 300)], SNOW)
        d.rect(x, 300, 30, 20, PAPER)
        d.polygon([(x + 30, 300), (x + 36, 292), (x + 36, 312), (x + 30, 320)], STEEL)
    return d


def ryokan() -> Drawing:
    """An inn of three floors, every paper window lit."""
    d = board("A three-storey seaside inn with lit paper windows and a pine", 81, (0.84, 0.2, 0.1), hills=0.8)
    quay(d, 326)
    for floor, (x, foot, width) in enumerate(((180, 168, 280), (150, 248, 340), (120, 330, 400))):
        height = 56 if floor < 2 else 60
        house(d, x, foot, width, height, CREAM, NEAR if floor == 0 else DARK, rise=0.62 if floor == 0 else 0.32)
    for x in range(204, 440, 44):
        paper_window(d, x, 124, 30, 32)
    for x in range(176, 470, 44):
        paper_window(d, x, 204, 30, 32)
    for x in (146, 190, 234, 376, 420, 464):
        paper_window(d, x, 284, 30, 34)
    d.rect(280, 278, 80, 52, DARK_WOOD)
    noren(d, 280, 280, 80, RED, 0.36, 4)
    for x in (268, 372):
        d.ellipse(x, 292, 8, 11, GOLD)
    pine(d, 566, 372, 1.5)
    person(d, 330, 378, 0.95, NEAR, hat=DARK, reach=1)
    return d


def ramen() -> Drawing:
    """A counter open to the street, a red curtain, steam and two lanterns."""
    d = board("A small ramen shop with a red curtain, lanterns and a counter open to the street", 93, (0.12, 0.24, 0.1))
    quay(d, 330)
    house(d, 130, 338, 400, 168, WOOD, DARK, rise=0.38)
    d.rect(160, 196, 340, 142, DARK_WOOD)
    d.rect(168, 204, 324, 92, GOLD, opacity=0.55)
    for x in (190, 250, 410, 460):
        d.rect(x, 212, 26, 16, PAPER)
    person(d, 336, 306, 1.3, NEAR, hat=SNOW, reach=-1)
    d.rect(268, 272, 42, 26, STEEL, 4)
    steam(d, 288, 268, 0.85)
    noren(d, 168, 200, 324, RED, 0.13, 6)
    d.rect(152, 294, 356, 14, CREAM, 3)
    d.rect(160, 308, 340, 30, WOOD)
    for x in (210, 380, 440):
        d.path(f"M{x - 16} 282h32q-2 12 -10 12h-12q-8 0 -10 -12Z", SNOW)
        d.line([(x - 15, 285), (x + 15, 285)], RED, 2)
    for x in (140, 520):
        d.line([(x, 178), (x, 200)], DARK, 2)
        d.ellipse(x, 224, 17, 24, SUN)
        d.rect(x - 10, 198, 20, 5, DARK)
        d.rect(x - 10, 245, 20, 5, DARK)
        for y in (214, 224, 234):
            d.line([(x - 15, y), (x + 15, y)], RED, 1.5, 0.5)
    for x in (230, 310, 390):
        d.ellipse(x, 336, 20, 6, RED)
        d.line([(x, 340), (x, 378)], DARK, 5)
        d.line([(x - 14, 380), (x + 14, 380)], DARK, 5)
    return d


def knit() -> Drawing:
    """A sill with balls of yarn, a sweater begun, camellias and the sea outside."""
    d = board("Balls of yarn and a half-knitted sweater on a window sill above the sea", 105, (0.34, 0.3, 0.13))
    boat(d, 210, 262, 0.5)
    for x, y, r in ((520, 96, 34), (566, 140, 40), (500, 158, 30), (590, 70, 36)):
        d.circle(x, y, r, MOSS)
    for x, y in ((506, 92), (560, 120), (590, 76), (540, 160), (498, 150)):
        for dx, dy in ((-7, -3), (7, -3), (0, 7), (-5, 5), (5, 5)):
            d.circle(x + dx, y + dy, 7, RED)
        d.circle(x, y, 4.5, GOLD)
    for x in (0, 308, 616):
        d.rect(x, 0, 24, 300, DARK_WOOD)
    d.rect(0, 0, 640, 20, DARK_WOOD)
    d.rect(0, 146, 640, 8, DARK_WOOD)
    d.rect(0, 296, 640, 104, WOOD)
    d.rect(0, 296, 640, 9, SAND)
    d.line([(0, 348), (640, 348)], DARK_WOOD, 2, 0.6)
    # The sweater, with its needles.
    d.path("M52 372L74 262Q112 246 150 262L172 372Z", CREAM)
    d.path("M74 262L36 350L62 362L84 300ZM150 262L188 350L162 362L140 300Z", CREAM)
    for row, colour in enumerate((NEAR, RED, NEAR)):
        y = 298 + row * 16
        d.path(
            "M" + " ".join(f"{70 + step * 7 - row} {y + (6 if step % 2 else 0)}" for step in range(13)),
            stroke=colour,
            width=3,
        )
    d.path("M92 258q20 14 40 0", stroke=SAND, width=5)
    d.line([(60, 384), (176, 360)], GOLD, 4)
    d.line([(54, 362), (170, 388)], GOLD, 4)
    for x, y, r, colour in ((282, 340, 46, NEAR), (376, 350, 38, RED), (450, 338, 48, GOLD), (548, 352, 38, PAPER)):
        d.circle(x, y, r, colour)
        for bend in (-0.6, -0.25, 0.1, 0.45):
            d.path(
                f"M{x - r * 0.88} {y + bend * r * 0.8}Q{x} {y + (bend - 0.5) * r} {x + r * 0.88} {y + bend * r * 0.6}",
                stroke=DARK,
                width=1.8,
                opacity=0.3,
            )
        d.path(
            f"M{x - r * 0.4} {y - r * 0.85}Q{x + r * 0.2} {y} {x - r * 0.1} {y + r * 0.95}",
            stroke=DARK,
            width=1.8,
            opacity=0.3,
        )
    d.path("M328 362q30 28 70 18q40 -8 60 8", stroke=NEAR, width=3.5)
    return d


def bakery() -> Drawing:
    """A shop window full of bread under a striped awning."""
    d = board("A bakery window full of bread under a striped awning, wheat beside the door", 129, (0.9, 0.22, 0.1))
    quay(d, 338)
    d.rect(424, 70, 36, 70, RED)
    d.rect(420, 64, 44, 9, DARK_WOOD)
    steam(d, 442, 60, 0.8)
    house(d, 90, 344, 430, 196, PAPER, RED, rise=0.32)
    d.rect(120, 206, 262, 108, DARK_WOOD, 4)
    d.rect(128, 214, 246, 92, GOLD, opacity=0.75)
    for y in (256, 300):
        d.rect(128, y, 246, 7, WOOD)
    for index in range(5):
        x = 152 + index * 49
        d.ellipse(x, 246, 20, 12, WOOD)
        d.path(f"M{x - 10} 242l5 8M{x - 2} 240l5 9M{x + 6} 241l5 8", stroke=CREAM, width=2.4)
    for index in range(4):
        x = 146 + index * 62
        d.path(f"M{x - 18} 300v-18q0 -12 12 -12h14q12 0 12 12v18Z", "#B8763F")
        d.path(f"M{x - 14} 284q12 -10 30 0", stroke=CREAM, width=2.4, opacity=0.8)
    for index in range(8):
        x = 108 + index * 36
        d.path(f"M{x} 176h36v26q-18 12 -36 0Z", RED if index % 2 else SNOW)
    d.rect(104, 170, 296, 8, DARK_WOOD)
    d.rect(414, 224, 74, 120, DARK_WOOD)
    d.rect(420, 230, 62, 114, NEAR)
    d.rect(428, 238, 46, 48, SKY_TOP)
    d.circle(474, 300, 3.5, GOLD)
    for x in (544, 572, 600):
        d.path(f"M{x} 372Q{x + 4} 320 {x - 2} 276", stroke=GOLD, width=3.5)
        for step in range(5):
            y = 276 + step * 11
            d.ellipse(x - 8, y, 6, 3.6, GOLD)
            d.ellipse(x + 5, y - 4, 6, 3.6, GOLD)
    d.path("M530 386h84l-8 -34h-68Z", WOOD)
    person(d, 262, 392, 0.95, GOLD, hat=NEAR, reach=-1)
    return d
