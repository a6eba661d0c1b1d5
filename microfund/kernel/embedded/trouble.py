"""Turns what goes wrong around the embedded server into one line that says what to do."""

import errno
import re
from pathlib import Path

from .errors import EmbeddedError

_SAYS_FULL = re.compile(
    r"No space left on device|Disk quota exceeded|Check free disk space|wrote only \d+ of \d+ bytes"
)
_FULL = "The disk is full: there is no room for the database in {folder}. Free at least 500 MB and try again."
#: Letters of a log's line that are shown; a line with a traceback in it has thousands.
_LONGEST = 300
_READ_ONLY = (
    "The database folder {folder} can't be written to ({reason}): make it writable, "
    "or set TOMOBUNE_DATA to a folder that is."
)
_NOT_A_FOLDER = "{path} stands where a folder must be: move it away, or set TOMOBUNE_DATA to another folder."


def from_os_error(error: OSError, folder: Path) -> EmbeddedError:
    """The line for an error of the file system met while making or starting the database in ``folder``."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return EmbeddedError(_FULL.format(folder=folder))
    if error.errno in (errno.EROFS, errno.EACCES, errno.EPERM):
        return EmbeddedError(_READ_ONLY.format(folder=folder, reason=error.strerror))
    if error.errno in (errno.ENOTDIR, errno.EEXIST):
        path = error.filename or folder
        in_the_way = next(
            (p for p in reversed([Path(path), *Path(path).parents]) if p.exists() and not p.is_dir()), path
        )
        return EmbeddedError(_NOT_A_FOLDER.format(path=in_the_way))
    return EmbeddedError(f"The database in {folder} can't be used: {error.strerror or error} ({error.filename}).")


def from_log(name: str, what: str, output: str, path: Path) -> EmbeddedError:
    """The line for a process of ours that gave up (`what` says how), from what it wrote into its log at `path`."""
    if _SAYS_FULL.search(output):
        return EmbeddedError(_FULL.format(folder=path.parent.parent))
    said = next((line.strip() for line in reversed(output.splitlines()) if line.strip()), "no output")
    short = said if len(said) <= _LONGEST else f"{said[:_LONGEST]} …"
    return EmbeddedError(f"{name} {what}: {short} (all of it: {path})")


def from_output(output: str, folder: Path, what: str, *, log_path: Path | None = None) -> EmbeddedError:
    """The line for what ``initdb`` or the server itself wrote before it gave up; ``what`` finishes "The database …"."""
    if _SAYS_FULL.search(output):
        return EmbeddedError(_FULL.format(folder=folder))
    if match := re.search(r"(Read-only file system|Permission denied)", output):
        return EmbeddedError(_READ_ONLY.format(folder=folder, reason=match[1]))
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    # The cause, by falling clearness: an error by name, what a program says for itself, anything at all.
    patterns = (r"\b(FATAL|PANIC|error):", r"^(postgres|initdb):", r"could not", r"")
    told = next((line for pattern in patterns for line in lines if re.search(pattern, line)), "no reason given")
    reason = re.sub(r"^(.*?\b(FATAL|PANIC|error)|postgres|initdb|pg_ctl):\s*", "", told)
    where = f"; see {log_path}" if log_path else ""
    return EmbeddedError(f"The database in {folder} {what}: {reason.rstrip('.')}{where}.")
