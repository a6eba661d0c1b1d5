"""The pictures of the demo: one scene for each trade, drawn by code from shared parts, the same every time.

No photograph, no copyright, no browser: ``hero().svg()`` is committed as ``static/img/hero.svg``, and
``rasterise("oyster", 1600)`` gives the PNG that goes through the image pipeline like any upload. Art rules: two
directions of light, one palette, the horizon at 62 %, people small and at work, never rubble or waves as spectacle.
"""

from collections.abc import Callable

from microfund.site import scenes_shore, scenes_town
from microfund.site.drawing import Drawing, Shape
from microfund.site.painting import png
from microfund.site.scene_parts import (
    CREAM,
    DEEP,
    GOLD,
    MID,
    MOSS,
    RED,
    SAND,
    SKY_LOW,
    SKY_TOP,
    SNOW,
    SUN,
    WOOD,
    backdrop,
    boat,
    gulls,
    person,
    raft,
)

SCENES: dict[str, Callable[[], Drawing]] = {
    "oyster": scenes_shore.oyster,
    "sake": scenes_town.sake,
    "soy": scenes_town.soy,
    "seaweed": scenes_shore.seaweed,
    "fish": scenes_shore.fishworks,
    "tofu": scenes_town.tofu,
    "ryokan": scenes_town.ryokan,
    "ramen": scenes_town.ramen,
    "knit": scenes_town.knit,
    "cannery": scenes_shore.cannery,
    "bakery": scenes_town.bakery,
    "boat": scenes_shore.boats,
}


#: What each scene shows, in Japanese; the English is the drawing's own title.
_JAPANESE = {
    "oyster": "穏やかな湾に浮かぶ牡蠣筏と、働く一艘の船",
    "sake": "杉玉を下げた酒蔵と、軒先に積まれた菰樽",
    "soy": "なまこ壁の蔵の前に並ぶ、三本の杉の木桶",
    "seaweed": "浜の干し竿に掛けられたわかめと、働く人",
    "fish": "岸壁の水産工場。朝の水揚げの箱が積まれ、かもめが舞う",
    "tofu": "霧の山あいの豆腐店。湯気が上がり、水槽に白い豆腐が並ぶ",
    "ryokan": "障子に灯のともる、海辺の三階建ての旅館と松",
    "ramen": "赤いのれんと提灯を下げ、通りに開いたラーメン店のカウンター",
    "knit": "海の見える窓辺の毛糸玉と、編みかけのセーター",
    "cannery": "高い煙突のある煉瓦の缶詰工場と、積み上げた缶詰",
    "bakery": "縞の日よけの下、パンの並ぶ窓と、戸口の麦",
    "boat": "造船所の船台に載る、肋骨の見える木の船体",
}


#: Scenes without anything to put up again, nor ground to stand on.
OPEN_AIR = ("oyster", "knit")
#: What a part of the story adds to a scene's description.
_MOMENTS = {
    "before": ("{scene}, as it used to be", "{scene}。かつての姿"),
    "day": ("{scene}, without sun, in the rain", "{scene}。日は隠れ、雨が降っている"),
    "now": ("{scene}, with scaffolding and somebody at work on it", "{scene}。足場が組まれ、人が働いている"),
    "now in the open": ("{scene}, and one boat more on the way out", "{scene}。もう一艘が沖へ出ていく"),
    "next": ("{scene}, in the light of an evening to come", "{scene}。これから迎える夕べの光の中"),
}


def describe_moment(kind: str, name: str) -> tuple[str, str]:
    """What `moment` shows, in English and in Japanese."""
    english, japanese = _MOMENTS["now in the open" if name == "now" and kind in OPEN_AIR else name]
    title, words = describe(kind)
    return english.format(scene=title), japanese.format(scene=words)


def moment(kind: str, name: str) -> Drawing:
    """The scene of a trade at one of the four parts of its story: "before" in clear light, "day" in the rain, "now"
    behind scaffolding or with a boat more, "next" towards evening. Raises ``KeyError`` for any other."""
    d = scene(kind)
    _WEATHER[name](d, kind)
    return d


def _clear(d: Drawing, _kind: str) -> None:
    gulls(d, ((96, 58), (132, 84), (70, 96)), 0.9)


def _rain(d: Drawing, _kind: str) -> None:
    d.items = [item for item in d.items if not (isinstance(item, Shape) and item.fill == SUN and item.native)]
    d.rect(0, 0, d.width, d.height, DEEP, opacity=0.6)
    for index in range(150):
        x, y = (index * 97) % (d.width + 60) - 30, (index * 61) % d.height
        d.line([(x, y), (x - 7, y + 24)], SNOW, 1.6, 0.34)


def _at_work(d: Drawing, kind: str) -> None:
    if kind in OPEN_AIR:
        boat(d, d.width * 0.36, d.height * 0.62, 0.45)
        return
    left, right, foot = d.width * 0.42, d.width * 0.94, d.height * 0.9
    levels = [foot - step * 62 for step in (1, 2, 3)]
    for index in range(6):
        x = left + (right - left) * index / 5
        d.line([(x, foot), (x, levels[-1] - 34)], WOOD, 5)
    for y in levels:
        d.rect(left - 14, y, right - left + 28, 6, SAND)
        d.line([(left - 14, y - 24), (right + 14, y - 24)], WOOD, 2.5)
    d.line([(left, foot), (left + (right - left) * 0.4, levels[1])], WOOD, 3)
    person(d, left + 90, levels[0], 0.8, MID, hat=GOLD)
    person(d, right - 70, levels[1], 0.8, RED, hat=GOLD, reach=-1)


def _evening(d: Drawing, kind: str) -> None:
    d.rect(0, 0, d.width, d.height, GOLD, opacity=0.2)
    if kind in OPEN_AIR:
        return
    for x, coat in ((d.width * 0.1, RED), (d.width * 0.15, DEEP), (d.width * 0.19, MOSS)):
        person(d, x, d.height * 0.94, 0.85, coat)


_WEATHER: dict[str, Callable[[Drawing, str], None]] = {
    "before": _clear,
    "day": _rain,
    "now": _at_work,
    "next": _evening,
}


def describe(kind: str) -> tuple[str, str]:
    """What the scene of a trade shows, in English and in Japanese: the alternative texts of its picture."""
    return scene(kind).title, _JAPANESE[kind]


def hero() -> Drawing:
    """Dawn over a ria coast. The sky at the left stays empty: words stand there."""
    d = Drawing(1440, 620, "Dawn over a ria coast: oyster rafts and two fishing boats")
    backdrop(d, 11, (0.70, 0.34, 0.115), low_until=0.42)
    boat(d, 700, 425, 0.55, CREAM)
    raft(d, 330, 455, 1.1)
    boat(d, 1010, 455, 1.0)
    raft(d, 560, 500, 1.25)
    raft(d, 190, 530, 1.35)
    raft(d, 830, 540, 1.2)
    gulls(d, ((880, 120), (935, 150), (820, 165)))
    return d


def adrift() -> Drawing:
    """For error pages: one small boat in the morning mist."""
    d = Drawing(320, 200, "A small boat in the mist")
    d.gradient(0, 0, 320, 200, SKY_TOP, SKY_LOW)
    d.circle(236, 66, 22, SUN)
    d.gradient(0, 124, 320, 76, MID, DEEP)
    d.waves(0, 124, 320, 76, SNOW, 0.13)
    boat(d, 138, 130, 0.7)
    for x, y, width in ((-20, 92, 190), (120, 108, 240), (-40, 150, 150), (190, 162, 170)):
        d.rect(x, y, width, 18, SKY_TOP, 9, 0.5)
    return d


def scene(kind: str) -> Drawing:
    """The scene of a trade (a key of ``SCENES``). Raises ``KeyError`` for any other."""
    return SCENES[kind]()


def rasterise(kind: str, width: int = 1600) -> bytes:
    """The scene of a trade as PNG bytes, ``width`` pixels wide and 10:16 as high; the same bytes every time."""
    return png(scene(kind), width)
