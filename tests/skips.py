"""Pytest plugin: says which kinds of tests were skipped and why; in CI a skipped test is a failed run.

A skip is a promise nobody checked. On a developer's machine it is tolerated and named; with ``CI`` set it is not.
Loaded by ``make test`` with ``-p tests.skips``.
"""

import os
from collections import Counter

import pytest

KINDS = ("browser", "redis", "faults")


def kind_of(report: pytest.TestReport | pytest.CollectReport) -> str:
    """The marker that says what the test needs, else the folder it is in."""
    keywords = getattr(report, "keywords", {})
    return next((kind for kind in KINDS if kind in keywords), report.nodeid.split("::")[0].rpartition("/")[0])


def reason_of(report: pytest.TestReport | pytest.CollectReport) -> str:
    """Why it was skipped, as the test says it."""
    if isinstance(report.longrepr, tuple):
        return str(report.longrepr[2]).removeprefix("Skipped: ")
    return "expected failure" if hasattr(report, "wasxfail") else str(report.longrepr or "no reason given")


def in_ci() -> bool:
    """Whether this run must not skip anything."""
    return os.environ.get("CI", "").lower() in ("1", "true", "yes")


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Turn a run that skipped something into a failed one, in CI."""
    terminal = session.config.pluginmanager.get_plugin("terminalreporter")
    if terminal is not None and in_ci() and terminal.stats.get("skipped") and session.exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """One line for each kind and reason, before pytest's own closing line."""
    skipped = terminalreporter.stats.get("skipped", [])
    if not skipped:
        terminalreporter.write_line("No test was skipped.")
        return
    terminalreporter.section("skipped kinds of tests")
    for (kind, reason), number in sorted(Counter((kind_of(r), reason_of(r)) for r in skipped).items()):
        terminalreporter.write_line(f"{kind}: {number} skipped: {reason}")
    if in_ci():
        terminalreporter.write_line("CI is set: a skipped test fails the run.", red=True)
