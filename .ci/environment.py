"""Owns the virtual environment in .venv: makes it, and brings it to the locked requirements.

Refuses a Python older than 3.11. Runs on the plain system Python, so it imports the standard library only.
"""

import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
STAMP = VENV / "installed.json"
REQUIREMENTS = ROOT / "requirements"
PIP_INSTALL = [
    str(PYTHON),
    "-m",
    "pip",
    "install",
    "--quiet",
    "--disable-pip-version-check",
    "--require-hashes",
]
LEVELS = ("agents", "dev", "e2e")  # each lock file holds everything of the one before it
OLDEST = (3, 11)
NEWER_PYTHONS = ("python3.13", "python3.12", "python3.11")


def main(arguments):
    """Bring .venv to at least the level named in the only argument; returns the exit code."""
    if len(arguments) != 1 or arguments[0] not in LEVELS:
        print(f"usage: python3 .ci/environment.py {'|'.join(LEVELS)}", file=sys.stderr)
        return 2
    require_new_enough_python()
    if stamp_covers(arguments[0]):
        return 0
    with (ROOT / ".venv.lock").open("w") as lock:
        # The kernel frees this lock when its holder dies, so a killed make leaves nothing to clear up.
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not stamp_covers(arguments[0]):
            install(arguments[0])
    return 0


def require_new_enough_python():
    """Start again under a newer Python of this machine when the one at hand is too old; exits if there is none."""
    if sys.version_info >= OLDEST:
        return
    for name in NEWER_PYTHONS:
        found = shutil.which(name)
        if found:
            os.execv(found, [found, *sys.argv])
    sys.exit(
        f"Orchestra needs Python 3.11 or newer, and {sys.executable} is {sys.version.split()[0]}.\n"
        "Install one (Debian 12 and Ubuntu 24.04 have it as python3), or name it: make PYTHON=python3.12"
    )


def stamp_covers(level):
    """True when .venv holds what `level` needs, by the lock files as they are now."""
    stamp = read_stamp()
    have = stamp.get("level")
    if have not in LEVELS or LEVELS.index(have) < LEVELS.index(level):
        return False
    return stamp == describe(have)


def read_stamp():
    """What the last complete installation wrote down; empty when there is none."""
    try:
        return json.loads(STAMP.read_text())
    except (FileNotFoundError, NotADirectoryError, ValueError):
        return {}


def describe(level):
    """The facts that an installation depends on: locks, place (scripts hold it) and interpreter (upgrades replace it)."""
    locks = hashlib.sha256()
    for name in ("uv", level):
        locks.update((REQUIREMENTS / f"{name}.txt").read_bytes())
    return {
        "level": level,
        "locks": locks.hexdigest(),
        "place": str(VENV),
        "python": os.path.realpath(str(PYTHON)) if os.access(str(PYTHON), os.X_OK) else "",
    }


def install(level):
    """Make or bring up to date. A higher level that is there already is kept, so that targets do not undo each other."""
    before = read_stamp()
    if before.get("level") in LEVELS:
        level = max(level, before["level"], key=LEVELS.index)
    if not usable(before):
        make_venv()
    STAMP.unlink(missing_ok=True)
    lock_file = REQUIREMENTS / f"{level}.txt"
    say(f"installing requirements/{level}.txt")
    if not install_with_uv(lock_file):
        install_with_pip(lock_file)
    fresh = STAMP.with_suffix(".new")
    fresh.write_text(json.dumps(describe(level)))
    fresh.replace(STAMP)


def usable(stamp):
    """True when an installation came to its end here, with the interpreter that is still there.

    One that was cut short may lack parts of anything, pip included, so it is made anew.
    """
    if not os.access(str(PYTHON), os.X_OK):
        return False
    return (stamp.get("place"), stamp.get("python")) == (str(VENV), os.path.realpath(str(PYTHON)))


def make_venv():
    """A new, empty environment; exits with the name of the package to install when Python has no ensurepip."""
    say(f"making .venv with Python {sys.version.split()[0]}")
    try:
        import ensurepip  # noqa: F401, PLC0415 - Debian splits it off, and says so only deep inside venv
    except ImportError:
        sys.exit(
            "This Python cannot make virtual environments: its ensurepip module is missing.\n"
            f"On Debian and Ubuntu: apt-get install python{sys.version_info[0]}.{sys.version_info[1]}-venv"
        )
    run([sys.executable, "-m", "venv", "--clear", str(VENV)], "could not make the virtual environment")


def install_with_uv(lock_file):
    """True when uv did it. uv does not read pip's configuration, so it may fail where a mirror is set there."""
    if subprocess.call([*PIP_INSTALL, "-r", str(REQUIREMENTS / "uv.txt")]) != 0:
        say("uv is not to be had here; going on with pip, which is slower")
        return False
    uv = [str(VENV / "bin" / "uv"), "pip", "sync", "--quiet", "--require-hashes", "--python", str(PYTHON)]
    environment = {"UV_HTTP_RETRIES": "1", "UV_HTTP_CONNECT_TIMEOUT": "10", **os.environ}
    if subprocess.call([*uv, str(lock_file)], env=environment) != 0:
        say("uv could not install (it does not read pip's configuration); going on with pip, which is slower")
        return False
    return True


def install_with_pip(lock_file):
    """The same lock file with pip; packages of an older lock stay behind, which does no harm."""
    run(
        [*PIP_INSTALL, "-r", str(lock_file)],
        "could not install the requirements: see the message of pip above (is the network there?)",
    )


def run(command, complaint):
    """Run to the end; exits with the complaint when the command fails."""
    if subprocess.call(command) != 0:
        sys.exit(complaint)


def say(text):
    """One line of progress on the error stream, so that standard output stays with the real command."""
    print(f"environment: {text}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
