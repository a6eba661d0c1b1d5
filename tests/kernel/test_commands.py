"""What is wrong with an argument of a command is one line that says what to write instead."""

from __future__ import annotations

import runpy
from argparse import ArgumentTypeError

import pytest
from django.core import management
from django.core.management import CommandError, get_commands, load_command_class

from microfund.kernel import commands
from tests.architecture.code import ROOT

OURS = {name: app for name, app in get_commands().items() if str(app).split(".")[0] in ("microfund", "investments")}


@pytest.mark.parametrize(
    ("command", "said"),
    [
        (["run_schedule", "--date", "yesterday"], "'yesterday' is no date; write YYYY-MM-DD"),
        (["seed_demo", "--as-of", "0001-01-01"], "'0001-01-01' lies outside the years"),
        (["demo", "--port", "http"], "invalid int value: 'http'"),
        (["run_schedule"], "required: --date"),
        (["verify_audit", "--anchor", "7"], "POSITION:HASH"),
    ],
)
def test_a_wrong_argument_is_one_line(command: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    name, *arguments = command
    made = load_command_class(OURS[name], name)
    made._called_from_command_line = True
    with pytest.raises(SystemExit) as left:
        made.create_parser("manage.py", name).parse_args(arguments)
    told = capsys.readouterr()
    assert (left.value.code, told.out) == (2, "")
    assert told.err.count("\n") == 1 and said in told.err, told.err


def test_every_command_of_ours_says_it_so() -> None:
    assert len(OURS) >= 9
    for name, app in OURS.items():
        assert isinstance(load_command_class(app, name), commands.Command), name
    parser = load_command_class(OURS["run_schedule"], "run_schedule").create_parser("manage.py", "run_schedule")
    assert "usage: manage.py run_schedule" in parser.format_help()
    with pytest.raises(CommandError, match="required"):
        parser.parse_args([])


@pytest.mark.parametrize("text", ["", "2027-02-29", "29 February", "9999-12-31", "1989-12-31"])
def test_what_is_no_date_of_the_house_is_refused(text: str) -> None:
    with pytest.raises(ArgumentTypeError):
        commands.business_date(text)


def test_ctrl_c_ends_a_command_without_a_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(argv: list[str]) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(management, "execute_from_command_line", interrupted)
    with pytest.raises(SystemExit) as left:
        runpy.run_path(str(ROOT / "manage.py"), run_name="__main__")
    assert left.value.code == 130
