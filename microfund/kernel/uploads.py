"""Files that people send: what is larger than any form takes is counted, not kept, so that a gigabyte fills no disk."""

from __future__ import annotations

from typing import Any

from django.core.files.uploadhandler import TemporaryFileUploadHandler

#: More than the largest file that a form takes: each form says itself what is too large for it, by the size that was
#: sent or because it reads one byte more than it takes.
MOST_BYTES = 32 * 1024 * 1024


class BoundedUploadHandler(TemporaryFileUploadHandler):
    """Keeps the first MOST_BYTES of a file on disk; its `size` is that of all that was sent."""

    def receive_data_chunk(self, raw_data: bytes, start: int) -> None:
        """Write what still fits."""
        self.file.write(raw_data[: max(0, MOST_BYTES - start)])

    def file_complete(self, file_size: int) -> Any:
        """The file, with the size that was sent."""
        self.file.seek(0)
        self.file.size = file_size
        return self.file
