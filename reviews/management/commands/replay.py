"""Replays recorded agents through the live gate and holds what came out against the recordings."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import CommandError, CommandParser

from orchestra.local.stopping import Stopped, Stopping
from orchestra.management.base import OrchestraCommand, count
from reviews.replay import dataset, stage
from reviews.replay.dataset import Dataset
from reviews.replay.documents import Library
from reviews.replay.play import Play
from reviews.replay.report import render, verdict
from reviews.replay.store import Store, StoreProblem


class Command(OrchestraCommand):
    """Starts services, store and workers of its own, plays, prints what came out. Exit code 1: not as it must be."""

    help = __doc__
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        """What is played, and where."""
        parser.add_argument("data", type=Path, help="Folder of the recorded runs.")
        parser.add_argument("--runs", type=count, help="So many, taken evenly; left out: all.")
        parser.add_argument("--workers", type=count, default=2, help="Worker processes (default: 2).")
        parser.add_argument("--without-policies", action="store_true", help="Publish no policies.")
        parser.add_argument(
            "--folder", type=Path, default=settings.LOCAL_DIR / "replay", help="Emptied first."
        )
        parser.add_argument("--store", help="HOST:PORT: play here and now, on services that run already.")

    def handle(self, *args: Any, **options: Any) -> None:
        """Play, or start all that is needed and have it played there."""
        data = dataset.find(options["data"].resolve())
        if data is None:
            raise CommandError(f"There are no recorded runs in {options['data']}.")
        status = self.play(data, options) if options["store"] else self.perform(data.folder, options)
        if status:
            sys.exit(status)

    def play(self, data: Dataset, options: dict[str, Any]) -> int:
        """Play on the services of this environment."""
        store = Store(options["store"], os.environ["STORE_TOKEN"], os.environ["STORE_ADMIN_TOKEN"])
        play = Play(
            data=data,
            library=Library(settings.BASE_DIR / "examples" / "store"),
            store=store,
            folder=options["folder"],
            runs=options["runs"],
            policies=not options["without_policies"],
            say=self.stdout.write,
        )
        try:
            results = play.play()
        except StoreProblem as error:
            raise CommandError(str(error)) from error
        report = options["folder"] / "report.txt"
        report.write_text(render(results, most=sys.maxsize) + "\n", encoding="utf-8")
        self.stdout.write(f"{render(results)}\n\nall of it: {report}")
        return 1 if verdict(results) else 0

    def perform(self, data: Path, options: dict[str, Any]) -> int:
        """Start everything, run this very command there, stop everything."""
        folder = options["folder"].resolve()
        try:
            with Stopping() as stopping:
                self.stdout.write(f"replay: starting services, store and workers in {folder}")
                with stage.set_up(
                    folder, data=data, workers=options["workers"], pause=stopping.pause
                ) as made:
                    arguments = self.arguments(options, data, folder, made.store)
                    return stage.perform(made, arguments, pause=stopping.pause, say=self.pass_on)
        except Stopped:
            self.stderr.write("replay: stopped; nothing is left running")
            return 130

    def arguments(self, options: dict[str, Any], data: Path, folder: Path, store: str) -> list[str]:
        """The command line of the player."""
        runs = ["--runs", str(options["runs"])] if options["runs"] else []
        without = ["--without-policies"] if options["without_policies"] else []
        return ["replay", str(data), "--folder", str(folder), "--store", store, *runs, *without]

    def pass_on(self, text: str) -> None:
        """Lines of the player as they are."""
        self.stdout.write(text, ending="")
        self.stdout.flush()
