"""`manage.py audit verify | export | seal | key`: proves the record, or says what is broken.

Exit codes: 0 sound or done, 1 broken, 2 wrong usage or nothing to work on.
"""

from __future__ import annotations

import gzip
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import OperationalError

from orchestra.audit import export, record, seal, sealed, signatures, verify
from orchestra.audit.export import Header
from orchestra.audit.sealed import Book
from orchestra.audit.signatures import BadKey
from orchestra.audit.walk import Count
from orchestra.errors import Invalid, OrchestraError

NO_KEY = (
    "There is no key to seal with. Make one with `manage.py audit key > FILE`, "
    "keep it where the database's owner cannot read it, and set ORCHESTRA_SEAL_KEY_FILE=FILE."
)


class Command(BaseCommand):
    """The record: verify, export, seal."""

    help = "Verify, export and seal the record of everything that happened."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        """One subcommand for each verb."""
        verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
        one = verbs.add_parser("verify", help="check the database, or an export without a database")
        one.add_argument(
            "file", nargs="?", type=Path, help="an export (.gz is read too); left out: the database"
        )
        verify.arguments(one)
        one = verbs.add_parser("export", help="write events as lines of JSON")
        which = one.add_mutually_exclusive_group(required=True)
        which.add_argument("--run", type=UUID, help="uid of a run: its chain only")
        which.add_argument("--all", action="store_true", help="every chain")
        one.add_argument("--out", type=Path, help="a new file, packed if it ends in .gz; left out: print")
        one = verbs.add_parser("seal", help="sign the state of all chains")
        one.add_argument(
            "--out", type=Path, help="file of seals to add to (.gz packs); left out: print a whole seal"
        )
        one.add_argument("--origin", default="", help="name of this log; needed the first time")
        verbs.add_parser("key", help="print a new secret key; with a key set, its public half")

    def handle(self, *args: Any, **options: Any) -> None:
        """Do what the verb says."""
        verbs: dict[str, Callable[[dict[str, Any]], int]] = {
            "verify": self.verify,
            "export": self.export,
            "seal": self.seal,
            "key": self.key,
        }
        try:
            code = verbs[options["verb"]](options)
        except OperationalError as error:
            raise CommandError(f"The database does not answer: {error}", returncode=verify.USAGE) from None
        except (BadKey, OSError, Invalid) as error:
            raise CommandError(str(error), returncode=verify.USAGE) from None
        except OrchestraError as error:
            raise CommandError(str(error), returncode=verify.BROKEN) from None
        if code:
            sys.exit(code)

    def verify(self, options: dict[str, Any]) -> int:
        """Check an export, or the database."""
        if options["file"]:
            keys = options["key"] or own_key()
            return verify.run(options["file"], options["seals"], keys, options["origin"], self.stdout.write)
        read = verify.book(options["key"] or own_key(), options["origin"])
        count = Count()
        return verify.report(everything(read, options["seals"], count), count, read, self.stdout.write)

    def export(self, options: dict[str, Any]) -> int:
        """Write one chain or all of them."""
        run: UUID | None = options["run"]
        with record.snapshot():
            if run and not any(record.heads(chain=run)):
                raise Invalid(f"There is no chain {run}. `manage.py run list` shows runs with their uids.")
            header = Header(origin=seal.name(), at=record.moment(), chain=str(run) if run else None)
            with self.written(options["out"]) as put:
                count = export.write(header, record.items(run), put)
        self.stderr.write(f"{count.chains} chains, {count.events} events")
        return verify.SOUND

    def seal(self, options: dict[str, Any]) -> int:
        """Sign the heads, and add the seal to its file."""
        if not settings.SEAL_KEY:
            raise BadKey(NO_KEY)
        path: Path | None = options["out"]
        secret = signatures.key_bytes(settings.SEAL_KEY, name="ORCHESTRA_SEAL_KEY")
        known = Book(keys=frozenset([signatures.public_key(secret)]))
        if path and path.exists() and (found := list(verify.seals(path, known))):
            self.stdout.write("\n".join(map(str, found)))
            raise CommandError(
                f"{path} is damaged, or of another key. Begin a new file.", returncode=verify.BROKEN
            )
        origin = options["origin"] or seal.name()
        if not origin:
            raise Invalid("This log has no name yet. Give it one: --origin NAME. Later seals keep it.")
        made, heads = seal.seal(secret=secret, origin=origin, known=known.heads)
        changed = sealed.changed(heads, known.heads)
        self.add(path, sealed.write(made, changed, whole=known.last is None))
        self.stderr.write(f"sealed {made.heads} chains, {made.events} events; {len(changed)} heads written")
        return verify.SOUND

    def key(self, options: dict[str, Any]) -> int:
        """A new secret key on its own, so that it can go into a file; or the public half of the one that is set."""
        if settings.SEAL_KEY:
            self.stderr.write("The public key of ORCHESTRA_SEAL_KEY, for --key of verify:")
            self.stdout.write(own_key()[0])
            return verify.SOUND
        secret = signatures.new_key()
        public = signatures.public_key(signatures.key_bytes(secret, name="key"))
        self.stderr.write("A new secret key. Set ORCHESTRA_SEAL_KEY or ORCHESTRA_SEAL_KEY_FILE to it.")
        self.stderr.write(f"Its public half, for --key of verify: {export.base64(public)}")
        self.stdout.write(secret)
        return verify.SOUND

    def add(self, path: Path | None, text: str) -> None:
        """Append to a file and wait until the disk has it; print without one."""
        if path is None:
            self.stdout.write(text, ending="")
            return
        data = text.encode()
        with path.open("ab") as opened:
            opened.write(gzip.compress(data) if path.suffix == ".gz" else data)
            opened.flush()
            os.fsync(opened.fileno())

    @contextmanager
    def written(self, path: Path | None) -> Iterator[Callable[[str], object]]:
        """Where to put lines: a new file, or the output."""
        if path is None:
            yield lambda text: self.stdout.write(text, ending="")
        elif path.suffix == ".gz":
            with gzip.open(path, "xt", encoding="ascii") as packed:
                yield packed.write
        else:
            with path.open("x", encoding="ascii") as opened:
                yield opened.write


def everything(read: Book, seals: Path | None, count: Count) -> Iterator[Any]:
    """All findings about the database."""
    if seals:
        yield from verify.seals(seals, read)
    yield from seal.check(read)
    yield from record.check(read.points, count)


def own_key() -> list[str]:
    """The public half of the configured key, as text; nothing without one."""
    if not settings.SEAL_KEY:
        return []
    secret = signatures.key_bytes(settings.SEAL_KEY, name="ORCHESTRA_SEAL_KEY")
    return [export.base64(signatures.public_key(secret))]
