"""The house's rules that no other tool checks. Each finder is first shown something that it must find."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from django.apps import apps

from microfund.kernel import locks, states
from microfund.site.management.commands.docs_states import load_tables
from tests.architecture import code

MONEY = ("investments", "rewards", "businesses")
LONGEST = 400


def found_in(paths, finder, *, allowed=()):
    """`file:line` of every finding outside the allowed files, which must each still have one."""
    found, used = [], set()
    for path in paths:
        name = code.name_of(path)
        lines = list(finder(path.read_text(encoding="utf-8")))
        if name in allowed:
            used |= {name} if lines else set()
        else:
            found += [f"{name}:{line}" for line in lines]
    assert set(allowed) == used, f"no longer an exception: {sorted(set(allowed) - used)}"
    return found


# --- The finders find ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("finder", "good", "bad"),
    [
        (code.floats, "total // 2 * 3", "total * 0.5"),
        (code.floats, "Decimal(text)", "float(text)"),
        (code.floats, "share = amount // units", "share = amount / units"),
        (code.floats, "amount //= 2", "amount /= 2"),
        (code.floats, "rate: Decimal", "rate: float"),
        (code.hundreds, "amount * 10", "amount * 100"),
        (code.hundreds, "amount // 100", "100 * amount"),
        (code.hundreds, "amount += 100", "amount *= 100"),
        (code.delayed_tasks, "send_soon('x', 1)", "task.delay(1)"),
        (code.delayed_tasks, "current_app.send_task('x', args=a)", "current_app.send_task('x', eta=later)"),
        (code.delayed_tasks, "retry(due_at=later)", "self.retry(countdown=60)"),
        (code.delayed_tasks, "timedelta(days=1)", "task.apply_async(args=a)"),
        (code.clock_reads, "today_in(zone, at)", "today_in(zone)"),
        (code.clock_reads, "clock.today_in(at=at)", "clock.today_in()"),
        (code.clock_reads, "Now()", "timezone.now()"),
        (code.clock_reads, "clock.start_of_day(on)", "date.today()"),
        (code.clock_reads, "time.monotonic()", "time.time()"),
        (code.raw_clocks, "clock.now()", "timezone.now()"),
        (code.raw_clocks, "clock.machine()", "datetime.now(UTC)"),
        (code.raw_clocks, "clock.today_in()", "datetime.date.today()"),
        (code.raw_clocks, "timezone.localtime(at)", "timezone.localtime()"),
        (code.raw_clocks, "Field(default=clock.now)", "Field(default=timezone.now)"),
        (code.raw_clocks, "from datetime import timedelta", "from django.utils.timezone import now"),
    ],
)
def test_a_finder_finds_what_it_is_for_and_nothing_else(finder, good, bad):
    assert list(finder(good)) == []
    assert list(finder(bad)) == [1]


def test_a_missing_docstring_is_found_on_public_names_only():
    text = 'def said():\n    """Yes."""\n\ndef silent():\n    pass\n\ndef _own():\n    pass\n\nclass Bare:\n    pass\n'
    assert list(code.without_docstring(text)) == ["silent", "Bare"]


# --- Money --------------------------------------------------------------------------------------------------------


def test_only_the_gateway_imports_the_provider():
    importers = {
        code.name_of(path)
        for path in code.files(*code.PRODUCT, "benchmarks")
        if "stripe" in code.imports_of(path.read_text(encoding="utf-8"))
    }
    assert importers == {"investments/payments/gateway.py"}


def test_there_is_no_float_near_money():
    # Pixels are no money: the one file of these apps that divides them.
    paths = [*code.files(*MONEY), code.ROOT / "microfund/kernel/money.py", code.ROOT / "microfund/kernel/clock.py"]
    assert found_in(paths, code.floats, allowed={"businesses/images.py"}) == []


def test_nothing_multiplies_by_a_hundred():
    # These two show a rate, a degree of funding and a redemption in percent.
    shown = {"microfund/site/templatetags/pages.py", "microfund/site/templatetags/tomobune.py"}
    assert found_in(code.files(*code.PRODUCT), code.hundreds, allowed=shown) == []


# --- Time ---------------------------------------------------------------------------------------------------------

# Samples are made for whoever looks at a mail now, and never kept.
_EDGE_NAMES = re.compile(
    r"(^|/)(\w+_)?(views|tasks|admin|pages|samples)\.py$|/management/commands/|/(embedded|sandbox|seed)/|/admin/"
)
# Where an instant enters otherwise, each with its reason.
_CLOCK_FILES = {
    "microfund/kernel/clock.py",  # the clock itself
    "microfund/kernel/schedule/services.py",  # the edge of every sweep: turns a business date into an instant
    "microfund/kernel/schedule/travel.py",  # moves a demo's clock
    "microfund/kernel/private.py",  # the age of files, by the machine's clock
    "businesses/pictures.py",  # the same for pictures
    "microfund/site/context.py",  # which day it is in a demo
    "microfund/kernel/outbox/services.py",  # when to try again, by the machine's clock; what happened when is given
    "microfund/kernel/notices/services.py",  # the same for mail
    "microfund/kernel/limits.py",  # counters of the cache, which end by the machine's clock
    "microfund/kernel/accounts/tries.py",  # the same for the counters of log-in
    "microfund/kernel/accounts/places.py",  # an edge of log-in: how old an account is
    "microfund/kernel/notices/letters.py",  # whether something is too old to be written about
    "microfund/site/admin_site.py",  # the front page of the staff console: an edge
    "microfund/site/health.py",  # an answer about the machine
    "microfund/site/healthcheck.py",  # the question to it
    "microfund/site/verification.py",  # the edge of the daily verification
    # The provider's facts lack an instant: never stored as a deadline, only ever shown.
    "investments/payments/gateway.py",
}


def test_services_are_told_the_time():
    paths = [path for path in code.files(*code.PRODUCT) if not _EDGE_NAMES.search(code.name_of(path))]
    assert found_in(paths, code.clock_reads, allowed=_CLOCK_FILES) == []


def test_nothing_reads_a_clock_but_the_clock():
    """A demo moves `clock.now()`; whatever reads another clock at an edge would stay behind in the present."""
    allowed = {
        "microfund/kernel/clock.py",  # the clock itself
        "microfund/kernel/accounts/models.py",  # a default that the first migration names
        "microfund/kernel/embedded/broker.py",  # these two need nothing of ours, the settings included
        "microfund/kernel/embedded/transport.py",
        "microfund/site/healthcheck.py",
    }
    paths = [path for path in code.files(*code.PRODUCT) if "sandbox" not in path.parts]
    assert found_in(paths, code.raw_clocks, allowed=allowed) == []


def test_the_edges_are_edges():
    """The pattern lets views, tasks, commands and the admin through, and no service."""
    for edge in ("investments/orders/views.py", "investments/payments/webhook_views.py", "a/management/commands/x.py"):
        assert _EDGE_NAMES.search(edge)
    for inner in ("investments/orders/services.py", "investments/payments/settle.py", "investments/reviews.py"):
        assert not _EDGE_NAMES.search(inner)


def test_no_task_waits_in_a_queue_and_none_starts_before_the_commit():
    assert found_in(code.files(*code.PRODUCT), code.delayed_tasks) == []


# --- Form ---------------------------------------------------------------------------------------------------------


def test_a_file_that_grew_is_split_by_verb():
    lengths = {
        code.name_of(path): len(path.read_text().splitlines()) for path in code.files(*code.PRODUCT, "benchmarks")
    }
    assert {name: lines for name, lines in lengths.items() if lines > LONGEST} == {}


def test_every_public_service_and_query_says_what_it_does():
    named = {"services.py", "queries.py", "models.py", "checks.py", "tasks.py", "events.py", "post.py", "gateway.py"}
    paths = [path for path in code.files(*code.PRODUCT) if path.name in named]
    paths += code.files("investments/payments", "investments/orders", "microfund/kernel")
    others = ("/embedded/", "/management/", "admin.py", "apps.py", "urls.py", "forms.py")
    silent = {
        f"{code.name_of(path)}: {name}"
        for path in paths
        if not any(part in path.as_posix() for part in others)
        for name in code.without_docstring(path.read_text(encoding="utf-8"))
    }
    assert silent == set()


# --- States and locks ---------------------------------------------------------------------------------------------


def test_the_lock_order_names_models_that_exist():
    order = locks.declared_order()
    assert len(order) >= 10
    # An app's hottest row is locked last: what others wait for is held as shortly as can be.
    last = {label.split(".")[0]: label for label in order}
    assert (last["investments"], last["rewards"]) == ("investments.FundCounter", "rewards.Cycle")
    for label in order:
        assert apps.get_model(label)._meta.label == label


def test_every_state_table_speaks_of_the_states_of_its_model():
    tables = load_tables()
    assert len(tables) >= 8
    for key, table in tables.items():
        field = apps.get_model(table.label)._meta.get_field(table.field)
        choices = {str(value) for value, _label in field.choices}
        named = set(table.transitions) | {to for after in table.transitions.values() for to in after}
        assert named <= choices, f"{key}: {named - choices} are no states of the model"
        assert choices <= named | {field.get_default()}, f"{key}: {choices - named} are reached by nothing"


def test_every_state_can_be_reached_from_the_first():
    for key, table in load_tables().items():
        first = apps.get_model(table.label)._meta.get_field(table.field).get_default()
        reached, waiting = set(), [str(first)]
        while waiting:
            state = waiting.pop()
            if state not in reached:
                reached.add(state)
                waiting += table.transitions.get(state, ())
        assert set(table.transitions) <= reached, f"{key}: {set(table.transitions) - reached} are never reached"


def test_states_change_only_through_their_table():
    """No update of a state column past `StateTable.move`, except where the row's creation or a queue's own state is."""
    pattern = re.compile(r"\.update\([^)]*\bstate=")
    queues = {
        "investments/payments/webhook.py",  # the inbox: no act of anybody, replayed by staff
        "microfund/kernel/notices/services.py",  # outgoing mail
        # Thousands of payouts at once, by the act on their run, whose own state moves through its table.
        "investments/payouts/services.py",
        "investments/payouts/outcome.py",
        # Entitlements of a season or a batch at once, by the act on their cycle or batch, which leaves the audit row.
        "rewards/cycles.py",
        "rewards/fulfilment.py",
    }
    found = {
        code.name_of(path) for path in code.files(*code.PRODUCT) if pattern.search(path.read_text(encoding="utf-8"))
    }
    assert found - queues == set()
    assert states.tables()


# --- Layers, locks of packages, places ----------------------------------------------------------------------------


def _lint_imports(folder: Path) -> subprocess.CompletedProcess[str]:
    command = [
        str(Path(sys.executable).with_name("lint-imports")),
        "--no-cache",
        "--config",
        str(folder / "pyproject.toml"),
    ]
    return subprocess.run(command, cwd=code.ROOT, capture_output=True, text=True, timeout=600)


def test_the_layers_hold(tmp_path):
    done = _lint_imports(code.ROOT)
    assert done.returncode == 0, done.stdout
    text = (code.ROOT / "pyproject.toml").read_text()
    upside_down = text.replace('"rewards", "investments", "businesses"', '"businesses", "investments", "rewards"')
    assert upside_down != text
    (tmp_path / "pyproject.toml").write_text(upside_down)
    done = _lint_imports(tmp_path)
    assert done.returncode == 1, "the contract cannot fail"
    assert "Apps import only downwards BROKEN" in done.stdout


@pytest.mark.parametrize("name", ["requirements.lock", "requirements-dev.lock"])
def test_a_lock_names_no_place(name):
    text = (code.ROOT / name).read_text()
    assert not re.search(r"https?:|file:|--\w*index|--find-links|^-[if]\b", text, re.MULTILINE)
    assert text.count("--hash=sha256:") > 50


# Put together, so that this file does not name what it looks for.
_PLACES = re.compile("|".join(f"/{folder}/" for folder in ("work", "root", "home", "Users")))
_TEXT = {"", ".css", ".example", ".html", ".js", ".json", ".lock", ".md", ".po", ".py", ".sql", ".svg", ".toml"}
_TEXT |= {".txt", ".yaml", ".yml"}
_MADE = {"staticfiles", "node_modules", "__pycache__"}


def tracked() -> list[Path]:
    """The files of the repository; where there is no git, everything outside hidden and generated folders."""
    done = subprocess.run(["git", "ls-files", "-z"], cwd=code.ROOT, capture_output=True, text=True)
    if done.returncode == 0 and done.stdout:
        return [code.ROOT / name for name in done.stdout.split("\0") if name]
    found = [path for path in code.ROOT.rglob("*") if path.is_file()]
    parts = {path: path.relative_to(code.ROOT).parts for path in found}
    return [path for path in found if not any(part.startswith(".") or part in _MADE for part in parts[path])]


def test_no_file_knows_the_machine_it_was_written_on():
    assert _PLACES.search("see " + "/home" + "/me/x")
    found = []
    for path in tracked():
        if path.suffix in _TEXT and path.is_file():
            for number, line in enumerate(path.read_text(encoding="utf-8", errors="replace").splitlines(), 1):
                if _PLACES.search(line):
                    found.append(f"{code.name_of(path)}:{number}: {line.strip()[:80]}")
    assert found == []
