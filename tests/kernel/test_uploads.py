"""Files that people send: text that is none, CSV that is none, and more than anybody takes."""

from __future__ import annotations

import io
from typing import Any

import pytest
from django.core.files.uploadhandler import load_handler
from django.http.multipartparser import MultiPartParser
from django.test import RequestFactory, override_settings

from microfund.kernel import textfiles, uploads
from microfund.kernel.errors import DomainError


class Sent(io.RawIOBase):
    """The body of a form with one file of so many bytes, made as it is read."""

    def __init__(self, size: int) -> None:
        self.parts = [b'--x\r\nContent-Disposition: form-data; name="file"; filename="s.csv"\r\n\r\n', b"\r\n--x--\r\n"]
        self.left, self.size = size, size + sum(map(len, self.parts))

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        assert size >= 0, "somebody reads all of it"
        if len(self.parts) == 2:
            return self.parts.pop(0)
        taken = min(size, self.left)
        self.left -= taken
        return b"x" * taken or (self.parts.pop() if self.parts else b"")


def send(size: int) -> Any:
    """The file as a view gets it."""
    body = Sent(size)
    request = RequestFactory().post("/", b"", content_type="multipart/form-data; boundary=x")
    request.META |= {"CONTENT_LENGTH": str(body.size), "CONTENT_TYPE": "multipart/form-data; boundary=x"}
    handlers = [load_handler("microfund.kernel.uploads.BoundedUploadHandler", request)]
    _data, files = MultiPartParser(request.META, body, handlers, "utf-8").parse()
    return files["file"]


def test_of_a_gigabyte_no_more_is_kept_than_any_form_takes_and_its_size_is_told() -> None:
    file = send(1024**3)
    assert file.size == 1024**3
    assert file.seek(0, io.SEEK_END) == uploads.MOST_BYTES
    file.seek(0)
    with pytest.raises(DomainError, match="too large"):
        textfiles.decoded(file.read(1024 * 1024 + 1), field="file", most=1024 * 1024)
    file.close()


def test_a_file_that_fits_is_whole() -> None:
    file = send(3_000_000)
    assert (file.size, file.read()) == (3_000_000, b"x" * 3_000_000)
    file.close()


@override_settings(FILE_UPLOAD_MAX_MEMORY_SIZE=100)
def test_the_site_takes_uploads_by_it() -> None:
    request = RequestFactory().post("/", {"file": io.BytesIO(b"y" * 1_000)})
    assert isinstance(request.upload_handlers[-1], uploads.BoundedUploadHandler)
    assert request.FILES["file"].read() == b"y" * 1_000


@pytest.mark.parametrize(
    ("content", "words", "row"),
    [
        (b'a,b\n1,"' + b"x" * 200_000, "Row 2", 2),
        (b'a,b\n1,"2"3\n', "Row 2", 2),
        (b"a,b\n1,\x00\n", "neither UTF-8 nor Shift JIS", None),
        ("a,b\n1,2\n".encode("utf-16"), "neither UTF-8 nor Shift JIS", None),
        ("a,b\n1,2\n".encode("utf-16-le"), "neither UTF-8 nor Shift JIS", None),
        (b"x" * 300_001, "too large", None),
    ],
)
def test_what_is_no_table_is_refused_with_its_line_where_there_is_one(content: bytes, words: str, row: int) -> None:
    with pytest.raises(DomainError, match=words) as refused:
        list(textfiles.rows(content, field="file", most=300_000))
    assert (refused.value.data["field"], refused.value.data.get("row")) == ("file", row)


def test_tables_in_either_encoding_are_read_with_the_lines_on_which_their_rows_end() -> None:
    for encoding in ("utf-8", "utf-8-sig", "cp932"):
        content = 'name,amount\r\n"日の\n出",1\r\n\r\n最後,2'.encode(encoding)
        assert list(textfiles.rows(content, field="file", most=100)) == [
            (1, ["name", "amount"]),
            (3, ["日の\n出", "1"]),
            (4, []),
            (5, ["最後", "2"]),
        ]
