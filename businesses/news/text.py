"""Markdown to HTML that may be shown to anybody: one renderer for the preview, the page, the feed and the mail.

HTML in the source is text, not markup (markdown-it with HTML off); what comes out is cleaned again by a list of what is
allowed (nh3), so a fault in one of the two lets nothing through. Pictures cannot be linked in: photos are uploaded,
described and stored here. Headings begin at the second level, below the post's title.
"""

from __future__ import annotations

import html as entities
import re

import nh3
from markdown_it import MarkdownIt

EXCERPT = 220
#: Of a text for supporters only so much is shown to others: at most this, and never more than a third of it.
EXCERPT_FOR_OTHERS = 120
#: From here on a letter says as much as half a word: such texts are cut at half the length.
_FIRST_WIDE = "\u2e80"

_TAGS = {"p", "br", "h2", "h3", "h4", "strong", "em", "ul", "ol", "li", "blockquote", "a", "hr", "code", "pre"}
_ATTRIBUTES = {"a": {"href", "title"}, "ol": {"start"}}
_SCHEMES = {"http", "https", "mailto"}
_FIRST_LEVEL, _LAST_LEVEL = 2, 4

_markdown = MarkdownIt("commonmark", {"html": False, "breaks": True}).disable(["image", "html_block", "html_inline"])


def render(source: str) -> str:
    """The HTML of a Markdown source; empty for nothing but space. Any text is taken, none is trusted."""
    tokens = _markdown.parse(source)
    for token in tokens:
        if token.type in ("heading_open", "heading_close"):
            token.tag = f"h{min(_LAST_LEVEL, int(token.tag[1]) + _FIRST_LEVEL - 1)}"
    made = _markdown.renderer.render(tokens, _markdown.options, {})
    return nh3.clean(
        made,
        tags=_TAGS,
        attributes=_ATTRIBUTES,
        url_schemes=_SCHEMES,
        link_rel="nofollow noopener noreferrer ugc",
    ).strip()


def plain(html: str) -> str:
    """The words of rendered HTML in one line, without markup and entities."""
    spaced = re.sub(r"</(?:p|li|h[2-4]|blockquote|pre)>|<br>|<hr>", r"\g<0> ", html)
    return " ".join(entities.unescape(nh3.clean(spaced, tags=set())).split())


def excerpt_of(html: str, *, for_supporters: bool) -> str:
    """The beginning of a text, cut between words where it has any; of one for supporters only never its third."""
    words = plain(html)
    wide = sum(letter >= _FIRST_WIDE for letter in words) * 2 > len(words)
    longest = (EXCERPT_FOR_OTHERS if for_supporters else EXCERPT) // (2 if wide else 1)
    if for_supporters:
        longest = min(longest, len(words) // 3)
    if len(words) <= longest:
        return words
    cut = words[:longest]
    if " " in cut[longest // 2 :]:
        cut = cut[: cut.rindex(" ")]
    return f"{cut.rstrip(' ,.;:、。')}…"
