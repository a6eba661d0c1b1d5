"""What mails of a kind carry besides their words, such as a date for a calendar or the picture that they show: made
when the mail is sent, of what stands then, so that nothing of it is kept twice."""

from __future__ import annotations

from collections.abc import Callable
from email.mime.image import MIMEImage

from .models import Notice

#: What the picture of a mail is called in its HTML.
PICTURE = "picture"
#: Name, content, kind of file; or a picture that the mail shows.
Attachment = tuple[str, bytes, str] | MIMEImage
_makers: dict[str, Callable[[Notice], Attachment | None]] = {}


def register(kind: str, make: Callable[[Notice], Attachment | None]) -> None:
    """Say how the attachment of a kind is made, None where there is nothing to carry (any more); called once when an
    app is ready."""
    _makers[kind] = make


def of(notice: Notice) -> Attachment | None:
    """What a mail carries."""
    make = _makers.get(notice.kind)
    return make(notice) if make is not None else None


def picture(content: bytes) -> MIMEImage:
    """A JPEG that the mail shows as `cid:picture`: it comes along, so that nothing is fetched when the mail is read."""
    made = MIMEImage(content, "jpeg")
    made.add_header("Content-ID", f"<{PICTURE}>")
    made.add_header("Content-Disposition", "inline", filename="picture.jpg")
    return made
