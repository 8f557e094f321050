"""`reverter`: reads the arguments, runs a subcommand, turns errors into messages and exit codes."""

from __future__ import annotations

import argparse
import contextlib
import signal
import sys
import threading
import traceback
from collections.abc import Iterator, Sequence
from types import FrameType
from typing import NoReturn

from ReVerteRLib import __version__
from ReVerteRLib.cli import (
    annotate,
    batch,
    bench,
    benchmark,
    demo,
    doctor,
    evaluate,
    evaluate_annotation,
    export,
    import_radiographs,
    measure,
    prepare,
    reconstruct,
    robustness,
    simulate,
    train,
    train_detector,
)
from ReVerteRLib.cli.console import Console
from ReVerteRLib.errors import as_known

DONE, FAILED, BAD_ARGUMENTS, BAD_INPUT, CANCELLED, OUT_OF_RESOURCES = 0, 1, 2, 3, 4, 5
_COMMANDS = (
    demo,
    simulate,
    import_radiographs,
    annotate,
    reconstruct,
    batch,
    measure,
    export,
    prepare,
    train,
    train_detector,
    evaluate,
    evaluate_annotation,
    robustness,
    bench,
    benchmark,
    doctor,
)
_EPILOG = """\
exit codes: 0 done, 2 bad arguments, 3 bad input, 4 cancelled, 5 out of resources, 1 a fault in reverter
Research use only: not a medical device.
"""


class _Parser(argparse.ArgumentParser):
    """Errors in the same form as everywhere else."""

    def error(self, message: str) -> NoReturn:
        self.exit(BAD_ARGUMENTS, f"reverter: error: {message}\nSee '{self.prog} --help'\n")


def build_parser() -> argparse.ArgumentParser:
    """The whole command line; imports nothing heavy."""
    parser = _Parser(
        prog="reverter",
        description="3D spines from two orthogonal radiographs.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"reverter {__version__}")
    _add_common(parser, default=False)
    commands = parser.add_subparsers(title="commands", dest="command", metavar="COMMAND", parser_class=_Parser)
    for module in _COMMANDS:
        command = commands.add_parser(module.NAME, help=module.SUMMARY, description=f"{module.SUMMARY}.")
        module.add_arguments(command)
        _add_common(command, default=argparse.SUPPRESS)
        command.set_defaults(run=module.run)
    return parser


def _add_common(parser: argparse.ArgumentParser, default: object) -> None:
    """Options that may stand before or after the command."""
    parser.add_argument("--quiet", action="store_true", default=default, help="no progress, no notes; errors only")
    parser.add_argument("--debug", action="store_true", default=default, help="show the traceback of any error")


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one command and returns its exit code."""
    parser = build_parser()
    try:
        arguments = parser.parse_args(argv)
    except SystemExit as leaving:
        return int(leaving.code or 0)
    if arguments.command is None:
        parser.print_help(sys.stderr)
        return BAD_ARGUMENTS
    console = Console(quiet=arguments.quiet)
    with _terminated_like_interrupted(), console.log_notes():
        try:
            return int(arguments.run(arguments, console) or DONE)
        except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001 - the last line of defence
            if arguments.debug:
                traceback.print_exc()
            known = as_known(error)
            console.error(known.message() if known else _unexpected(error, arguments.debug))
            return known.exit_code if known else FAILED


def _unexpected(error: BaseException, debug: bool) -> str:
    reason = str(error).strip().splitlines()
    text = f"unexpected {type(error).__name__}: {reason[0] if reason else 'no reason given'}. "
    if debug:
        return f"{text}This is a fault in reverter; report it with the traceback above."
    return f"{text}This is a fault in reverter: run it again with --debug and report the traceback to its authors."


@contextlib.contextmanager
def _terminated_like_interrupted() -> Iterator[None]:
    """Makes a polite kill (SIGTERM) clean up its temporary files as Ctrl+C does."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


if __name__ == "__main__":
    sys.exit(main())
