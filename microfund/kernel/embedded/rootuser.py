"""PostgreSQL refuses to run as root. This finds or makes the user that it runs as instead.

The data folder's owner, if that is not root; else a system user of our own without a login. That user must be able to
pass through the folders above the data and the programs. Where it can't (a project under ``/root``), it alone is given
the right to pass, by an access control list on exactly the folders in the way; their modes for everybody else stay.
"""

import errno
import os
import pwd
import shutil
import stat
import struct
import subprocess
from pathlib import Path
from typing import Any

from .errors import EmbeddedError

SYSTEM_USER = "tomobune-db"

_ACL = "system.posix_acl_access"
_ACL_VERSION = struct.pack("<I", 2)
_ENTRY = struct.Struct("<HHI")
_USER_OBJ, _USER, _GROUP_OBJ, _GROUP, _MASK, _OTHER = 0x01, 0x02, 0x04, 0x08, 0x10, 0x20
_NO_ID = 0xFFFFFFFF


def run_as(data_dir: Path) -> dict[str, Any]:
    """Arguments for ``subprocess`` that make a database program run as the right user; empty unless we are root."""
    if os.geteuid() != 0:
        return {}
    entry = _owner(data_dir) or _system_user()
    return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}


def _owner(data_dir: Path) -> pwd.struct_passwd | None:
    try:
        uid = data_dir.stat().st_uid
    except OSError:
        return None
    if uid == 0:
        return None
    try:
        return pwd.getpwuid(uid)
    except KeyError:
        raise EmbeddedError(
            f"The database folder {data_dir} belongs to user number {uid}, who does not exist on this machine: "
            "give it to an existing user (chown -R), or set DATABASE_URL."
        ) from None


def _system_user() -> pwd.struct_passwd:
    try:
        return pwd.getpwnam(SYSTEM_USER)
    except KeyError:
        pass
    command = shutil.which("useradd", path="/usr/sbin:/sbin:/usr/bin:/bin")
    if command:
        subprocess.run(
            [command, "--system", "--user-group", "--no-create-home", "--home-dir", "/nonexistent"]
            + ["--shell", "/usr/sbin/nologin", "--comment", "Tomobune embedded database", SYSTEM_USER],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
        )
    try:
        return pwd.getpwnam(SYSTEM_USER)  # also when another process was faster
    except KeyError:
        raise EmbeddedError(
            "PostgreSQL does not run as root and no system user could be made for it: run this as an ordinary user, "
            "or set DATABASE_URL."
        ) from None


def open_way(identity: dict[str, Any], programs: Path, data_dir: Path) -> None:
    """Let that user reach the programs and the data. Does nothing unless we are root, and little if all is well."""
    if not identity:
        return
    for folder in (programs, data_dir.parent):
        for ancestor in reversed([folder, *folder.parents]):
            if not _can(identity, "-x", ancestor):
                _let_pass(ancestor, identity["user"])
    package = programs.parents[1]
    trees = [programs.parent, package.with_name(f"{package.name}.libs")]
    if not _can(identity, "-r", programs.parent / "share") or not _run_all(identity, programs):
        # Installed under a strict umask; these are public files of a public package.
        for tree in trees:
            for path in [tree, *tree.rglob("*")] if tree.exists() else []:
                if not path.is_symlink():
                    mode = path.stat().st_mode
                    path.chmod(stat.S_IMODE(mode) | (0o055 if mode & stat.S_IXUSR else 0o044))


def _run_all(identity: dict[str, Any], programs: Path) -> bool:
    """Whether that user can run the programs we start: they and their libraries can be read."""
    for name in ("initdb", "pg_ctl", "postgres"):
        command = [str(programs / name), "--version"]
        try:
            done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, cwd="/", **identity)
        except PermissionError:
            return False
        if done.returncode:
            return False
    return True


def _can(identity: dict[str, Any], test: str, path: Path) -> bool:
    done = subprocess.run(
        ["/bin/sh", "-c", f'test {test} "$1"', "sh", str(path)], stdin=subprocess.DEVNULL, cwd="/", **identity
    )
    return done.returncode == 0


def _let_pass(folder: Path, uid: int) -> None:
    mode = folder.stat().st_mode
    try:
        raw = os.getxattr(folder, _ACL)
    except OSError:
        raw = b""
    entries = {(tag, who): rights for tag, rights, who in _ENTRY.iter_unpack(raw[4:])} if raw else {}
    if not entries:
        entries = {
            (_USER_OBJ, _NO_ID): mode >> 6 & 7,
            (_GROUP_OBJ, _NO_ID): mode >> 3 & 7,
            (_OTHER, _NO_ID): mode & 7,
        }
    entries[_USER, uid] = entries.get((_USER, uid), 0) | 1
    entries[_MASK, _NO_ID] = entries.get((_MASK, _NO_ID), entries[_GROUP_OBJ, _NO_ID]) | 1
    packed = _ACL_VERSION + b"".join(_ENTRY.pack(tag, entries[tag, who], who) for tag, who in sorted(entries))
    try:
        os.setxattr(folder, _ACL, packed)
    except OSError as error:
        reason = os.strerror(error.errno or errno.EPERM)
        raise EmbeddedError(
            f"The database's user can't enter {folder} ({reason}): move the project out of that folder, "
            "run it as an ordinary user, or set DATABASE_URL."
        ) from None
