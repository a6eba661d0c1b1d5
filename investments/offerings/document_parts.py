"""What a document of HTML says, as plain data for typesetting: blocks of headings, paragraphs, lists, facts, tables.

The PDF of a document is set from the very HTML that is stored beside it, so the two cannot say different things. Only
the tags that our documents use are known; any other raises, rather than that a sentence is lost from a contract.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any

INLINE = {"span", "strong", "time", "em", "b"}
STRONG = {"strong", "b"}
#: Tags that only hold blocks and stand for nothing themselves.
HOLDERS = {"main", "header", "section", "div", "body"}
VOID = {"meta", "br"}

Block = dict[str, Any]
Run = dict[str, Any]


@dataclass
class Node:
    """An element of the page: its tag, its attributes, and text and elements within, in order."""

    tag: str
    attributes: dict[str, str] = field(default_factory=dict)
    children: list[Node | str] = field(default_factory=list)

    def elements(self, *tags: str) -> list[Node]:
        """The elements directly within, those of `tags` if any are given."""
        return [child for child in self.children if isinstance(child, Node) and (not tags or child.tag in tags)]

    def find(self, tag: str) -> Node | None:
        """The first element of this tag within, at any depth."""
        for child in self.elements():
            found = child if child.tag == tag else child.find(tag)
            if found:
                return found
        return None


class _Tree(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.root = Node("")
        self.open = [self.root]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        node = Node(tag, {name: value or "" for name, value in attrs})
        self.open[-1].children.append(node)
        if tag not in VOID:
            self.open.append(node)

    def handle_endtag(self, tag: str) -> None:
        if self.open[-1].tag != tag:
            raise ValueError(f"</{tag}> closes <{self.open[-1].tag}>")
        self.open.pop()

    def handle_data(self, data: str) -> None:
        self.open[-1].children.append(data)


def parts(html: str) -> dict[str, Any]:
    """Title, opening facts and blocks of a document. Raises ValueError for a page that is not one of ours."""
    tree = _Tree()
    tree.feed(html)
    tree.close()
    if len(tree.open) > 1:
        raise ValueError(f"<{tree.open[-1].tag}> is not closed")
    main, head = tree.root.find("main"), tree.root.find("title")
    header = main.find("header") if main else None
    title = header.find("h1") if header else None
    facts = header.find("dl") if header else None
    if main is None or head is None or title is None or facts is None:
        raise ValueError("a document has a title and a header with a heading and a list of facts")
    body = Node("main", {}, [child for child in main.children if child is not header])
    return {
        "title": _plain(head),
        "heading": _plain(title),
        "facts": _facts(facts)["rows"],
        "blocks": _blocks(body),
    }


def _plain(node: Node) -> str:
    return "".join(run["text"] for run in _trimmed(_runs(node.children, strong=False, lang="")))


def _runs(children: list[Node | str], *, strong: bool, lang: str) -> list[Run]:
    found: list[Run] = []
    for child in children:
        if isinstance(child, str):
            found.append({"text": child, "strong": strong, "lang": lang})
        elif child.tag == "br":
            found.append({"text": "\n", "strong": strong, "lang": lang})
        elif child.tag in INLINE:
            inner = child.attributes.get("lang", lang)
            found += _runs(child.children, strong=strong or child.tag in STRONG, lang=inner)
        else:
            raise ValueError(f"<{child.tag}> within a line")
    return found


def _trimmed(runs: list[Run]) -> list[Run]:
    """White space as a browser shows it: runs of it become one space, none at the edges."""
    kept: list[Run] = []
    space = True
    for run in runs:
        text = ""
        for letter in run["text"]:
            if letter in " \t\r\n\f":
                text += "" if space else " "
                space = True
            else:
                text += letter
                space = False
        if text:
            kept.append({**run, "text": text})
    if kept:
        kept[-1]["text"] = kept[-1]["text"].rstrip(" ")
    return [run for run in kept if run["text"]]


def _blocks(node: Node) -> list[Block]:
    """The blocks within an element; text between them becomes paragraphs of its own."""
    found: list[Block] = []
    line: list[Node | str] = []

    def end_line() -> None:
        runs = _trimmed(_runs(line, strong=False, lang=""))
        if runs:
            found.append({"kind": "paragraph", "runs": runs})
        line.clear()

    for child in node.children:
        if isinstance(child, str) or child.tag in INLINE or child.tag == "br":
            line.append(child)
            continue
        end_line()
        if child.tag in HOLDERS:
            found += _blocks(child)
        elif child.tag in ("h2", "h3"):
            found.append({"kind": "heading", "level": int(child.tag[1]), "text": _plain(child)})
        elif child.tag == "p":
            found += _blocks(child)
        elif child.tag in ("ol", "ul"):
            items = [_blocks(item) for item in child.elements("li")]
            found.append({"kind": "list", "ordered": child.tag == "ol", "items": items})
        elif child.tag == "dl":
            found.append(_facts(child))
        elif child.tag == "table":
            found.append(_table(child))
        else:
            raise ValueError(f"<{child.tag}> is not known in a document")
    end_line()
    return found


def _facts(node: Node) -> Block:
    terms, values = node.elements("dt"), node.elements("dd")
    if len(terms) != len(values) or len(terms) + len(values) != len(node.elements()):
        raise ValueError("a list of facts has one value for each term")
    rows = [[_plain(term), _blocks(value)] for term, value in zip(terms, values, strict=True)]
    return {"kind": "facts", "rows": rows}


def _table(node: Node) -> Block:
    caption = node.find("caption")
    rows: dict[str, list[list[list[Block]]]] = {"thead": [], "tbody": [], "tfoot": []}
    for part in node.elements("thead", "tbody", "tfoot"):
        rows[part.tag] += [[_blocks(cell) for cell in row.elements("th", "td")] for row in part.elements("tr")]
    widths = {len(row) for part in rows.values() for row in part}
    if len(widths) != 1:
        raise ValueError("the rows of a table have the same number of cells")
    heads = node.find("thead")
    cells = heads.elements("tr")[-1].elements("th", "td") if heads else []
    return {
        "kind": "table",
        "caption": _plain(caption) if caption else "",
        "columns": widths.pop(),
        # Columns whose head says that figures stand in them.
        "numeric": [number for number, cell in enumerate(cells) if "num" in cell.attributes.get("class", "").split()],
        "head": rows["thead"],
        "body": rows["tbody"],
        "foot": rows["tfoot"],
    }
