"""What the papers say is there, is there."""

import ast
import dataclasses
import re
import tomllib
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command, get_commands
from django.urls import NoReverseMatch, URLPattern, URLResolver, get_resolver, reverse

from businesses import events as business_events
from investments import events, mails
from microfund.kernel.outbox import services as outbox
from microfund.site.management.commands import docs_states
from rewards import events as reward_events
from tests.architecture import code

ROOT = code.ROOT
PAPERS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
NAMES = {path.name for path in code.files(*code.PRODUCT, "tests", "docs", suffix="")}
FOLDERS = (*code.PRODUCT, "tests", "benchmarks", "docs", "templates", "static", "locale", ".ci")


def text_of(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def rows(text: str) -> list[list[str]]:
    """The cells of every row of every table, without heads."""
    found = [
        [cell.strip() for cell in line.strip().strip("|").split(" | ")]
        for line in text.splitlines()
        if line.startswith("|") and not re.match(r"\|[ |:-]+\|$", line)
    ]
    heads = [
        [cell.strip() for cell in head.strip().strip("|").split(" | ")]
        for head, line in zip(text.splitlines(), text.splitlines()[1:], strict=False)
        if re.match(r"\|[ |:-]+\|$", line)
    ]
    return [row for row in found if row not in heads]


def words(cell: str) -> list[str]:
    """What stands in backticks."""
    return re.findall(r"`([^`]+)`", cell)


# --- Paths, commands, links ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("paper", PAPERS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_every_path_that_a_paper_names_exists(paper: Path) -> None:
    missing = []
    for name in words(paper.read_text(encoding="utf-8")):
        path = name.rstrip("/")
        if re.fullmatch(rf"({'|'.join(map(re.escape, FOLDERS))})/[\w./-]+", path) and not (ROOT / path).exists():
            missing.append(name)
        if re.fullmatch(r"[\w.-]+\.(md|yml|lock|toml|py)", path) and path != "models.py":
            missing += [] if (ROOT / path).exists() or path in NAMES else [name]
    assert missing == []


@pytest.mark.parametrize("paper", PAPERS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_every_link_within_the_papers_leads_somewhere(paper: Path) -> None:
    targets = re.findall(r"\]\((?!https?:|mailto:|#)([^)#\s]+)", paper.read_text(encoding="utf-8"))
    assert [target for target in targets if not (paper.parent / target).exists()] == []


@pytest.mark.parametrize("paper", PAPERS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_every_command_that_a_paper_names_exists(paper: Path) -> None:
    text = paper.read_text(encoding="utf-8")
    assert set(re.findall(r"manage\.py (\w+)", text)) - set(get_commands()) == set()
    targets = set(re.search(r"^\.PHONY: (.*)$", text_of("Makefile"), re.MULTILINE)[1].split())
    assert set(re.findall(r"(?:`|^ {4})make ([a-z]+)", text, re.MULTILINE)) - targets == set()


def test_every_setting_that_a_paper_names_can_be_set() -> None:
    known = set(re.findall(r"^#? ?([A-Z][A-Z_]+)=", text_of(".env.example"), re.MULTILINE))
    # The servers' own, in the compose file; PORT and the like belong to make.
    known |= set(re.findall(r"\$\{(\w+)", text_of("docker-compose.yml")))
    known |= set(re.findall(r"^(\w+) \?=", text_of("Makefile"), re.MULTILINE))
    for name in ("docs/operations.md", "README.md", "SECURITY.md", "docker-compose.yml"):
        named = {word for word in words(text_of(name)) if re.fullmatch(r"[A-Z]+(_[A-Z]+)+", word)}
        assert named - known == {word for word in named if word in ("SKIP_LOCKED",)}, name


def test_every_section_that_the_code_names_is_in_the_papers() -> None:
    """`domain.md section 4.3` in a docstring leads to a heading or a numbered point of that page."""
    missing = []
    folders = ("docs", "tests", *code.PRODUCT)
    pages = {path.stem for path in ROOT.glob("*.md")} | {path.stem for path in code.files(*folders, suffix=".md")}
    for path in [*code.files(*code.PRODUCT), *code.files(*code.PRODUCT, suffix=".sql")]:
        source = path.read_text(encoding="utf-8")
        for page in re.findall(r"(?<![\w.-])(\w+)\.md\b", source):
            if page not in pages:
                missing.append(f"{code.name_of(path)}: {page}.md")
        for page, numbers in re.findall(r"\b(\w+)\.md (?:sections? )?((?:\d+(?:\.\d+)?(?:, | and |–)?)+)", source):
            headings = re.findall(r"^#+ (\d+(?:\.\d+)?)", text_of(f"docs/{page}.md"), re.MULTILINE)
            points = set()
            for part in re.split(r"^## ", text_of(f"docs/{page}.md"), flags=re.MULTILINE):
                number = part.split(".")[0]
                points |= {f"{number}.{point}" for point in re.findall(r"^(\d+)\. ", part, re.MULTILINE)}
            for number in re.findall(r"\d+(?:\.\d+)?", numbers):
                if number not in headings and number not in points:
                    missing.append(f"{code.name_of(path)}: {page}.md {number}")
    assert missing == []


# --- The money path -----------------------------------------------------------------------------------------------

PATH_ROWS = [row for row in rows(text_of("docs/money-path.md")) if row[0].isdigit()]


def functions(name: str) -> dict[str, ast.FunctionDef]:
    tree = ast.parse(text_of(name))
    return {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef)}


def called_by(name: str, function: str) -> set[str]:
    """Everything that a function refers to, its file's own functions included."""
    there = functions(name)
    found: set[str] = set()
    waiting, seen = [function], set()
    while waiting:
        current = waiting.pop()
        if current in seen or current not in there:
            continue
        seen.add(current)
        for node in ast.walk(there[current]):
            if isinstance(node, ast.Name):
                found.add(node.id)
                waiting.append(node.id)
            elif isinstance(node, ast.Attribute):
                found.add(node.attr)
    return found


def test_the_money_path_is_numbered_without_a_gap() -> None:
    assert [int(row[0]) for row in PATH_ROWS] == list(range(1, len(PATH_ROWS) + 1))
    assert len(PATH_ROWS) >= 40


@pytest.mark.parametrize("row", PATH_ROWS, ids=lambda row: f"{row[0]}-{words(row[2])[0]}")
def test_a_step_of_the_money_path_is_there_and_hands_over(row: list[str]) -> None:
    (name,), (function,) = words(row[1]), words(row[2])
    assert function in functions(name), f"{name} has no function {function}"
    handed = words(row[4]) if len(row) > 4 else []
    assert set(handed) - called_by(name, function) == set()


def test_a_step_that_hands_over_to_nothing_of_that_name_would_be_seen() -> None:
    there = called_by("investments/orders/services.py", "confirm_order")
    assert {"record_movement", "post", "publish"} <= there
    assert "create_session" not in there


# --- Events, states, pages, dependencies --------------------------------------------------------------------------


def test_every_event_is_described_with_its_fields_and_its_publisher() -> None:
    declared = {
        name: [field.name for field in dataclasses.fields(kind)]
        for module in (events, business_events, reward_events)
        for name, kind in vars(module).items()
        if dataclasses.is_dataclass(kind)
    }
    described = {words(row[0])[0]: row for row in rows(text_of("docs/events.md"))}
    assert {name: words(row[1]) for name, row in described.items()} == declared
    for name, row in described.items():
        publishers = words(row[3])
        for function, path in zip(publishers[::2], publishers[1::2], strict=True):
            assert function in functions(path), f"{name}: {path} has no {function}"
            assert name in called_by(path, function), f"{function} of {path} does not publish {name}"


def test_who_listens_is_told_truly() -> None:
    """An event with a subscriber says so, and one without says that nobody listens yet."""
    for row in rows(text_of("docs/events.md")):
        name = words(row[0])[0]
        assert bool(outbox._subscribers.get(name)) is (row[4] != "nobody yet"), name
    assert mails.FundMailBatch.__name__ in text_of("docs/events.md")


def test_the_page_of_states_is_up_to_date() -> None:
    out = StringIO()
    call_command("docs_states", "--check", stdout=out)
    assert "up to date" in out.getvalue()


def test_a_page_of_states_that_is_behind_fails(settings, tmp_path) -> None:
    settings.BASE_DIR = tmp_path
    (tmp_path / "docs").mkdir()
    with pytest.raises(CommandError, match="is behind the code"):
        call_command("docs_states", "--check")
    call_command("docs_states", stdout=StringIO())
    assert (tmp_path / "docs" / "states.md").read_text(encoding="utf-8") == docs_states.page()


def url_names(resolver: URLResolver, namespace: str = "") -> set[str]:
    """Every name below a resolver, with its namespaces."""
    found = set()
    for pattern in resolver.url_patterns:
        if isinstance(pattern, URLResolver):
            inner = f"{namespace}{pattern.namespace}:" if pattern.namespace else namespace
            found |= url_names(pattern, inner)
        elif isinstance(pattern, URLPattern) and pattern.name:
            found.add(f"{namespace}{pattern.name}")
    return found


def test_every_page_of_the_map_has_its_address() -> None:
    there = url_names(get_resolver())
    for row in rows(text_of("docs/pages.md")):
        if len(row) < 4 or not words(row[2]):
            continue
        (address,), (name,) = words(row[1]), words(row[2])
        assert name in there, name
        parts = re.findall(r"<[^>]+>", address)
        filled = [{"<sha256>": "0" * 64, "<id>": "1", "<year>": "2026"}.get(part, part.strip("<>")) for part in parts]
        try:
            found = reverse(name, args=filled)
        except NoReverseMatch:
            pytest.fail(f"{name} does not stand at {address}")
        if name == "account_login":
            assert found.startswith(address)
        else:
            for part, value in zip(parts, filled, strict=True):
                address = address.replace(part, value, 1)
            assert found == address


def test_every_dependency_is_listed_with_a_reason() -> None:
    project = tomllib.loads(text_of("pyproject.toml"))["project"]
    wanted = [*project["dependencies"], *project["optional-dependencies"]["dev"]]
    names = {re.split(r"[\[~><=; ]", requirement)[0] for requirement in wanted}
    listed = {word: row[1] for row in rows(text_of("docs/dependencies.md")) for word in words(row[0])}
    assert set(listed) == names
    assert [name for name, reason in listed.items() if len(reason) < 15] == []


def test_every_proof_says_which_row_it_proves_or_is_on_the_page_of_proofs() -> None:
    page = text_of("docs/proofs.md")
    folders = (ROOT / "tests" / folder for folder in ("faults", "races", "properties"))
    proofs = [path for folder in folders for path in folder.glob("test_*.py")]
    assert len(proofs) >= 2
    unnamed = [
        code.name_of(path)
        for path in proofs
        if not re.match(r'"""Rows? \d+.* of the proofs', path.read_text(encoding="utf-8"))
        and code.name_of(path) not in page
    ]
    assert unnamed == []


# --- Decisions ----------------------------------------------------------------------------------------------------


def test_decisions_are_numbered_and_have_their_parts() -> None:
    found = sorted((ROOT / "docs" / "decisions").glob("*.md"))
    assert [int(path.name[:4]) for path in found] == list(range(1, len(found) + 1))
    for path in found:
        text = path.read_text(encoding="utf-8")
        assert re.match(rf"# {int(path.name[:4])}\. \S", text), path.name
        for heading in ("Status", "Context", "Decision", "Consequences"):
            assert f"\n## {heading}\n" in text, f"{path.name}: {heading}"
        assert len(text) > 600, path.name


def test_the_papers_speak_of_the_product_only() -> None:
    # Put together, so that this file does not say it.
    spoken = re.compile(
        "|".join((r"\bissue" + r" \d", r"\bses" + r"sion \d", r"\bhel" + "pers?\\b", "TO" + "DO", "FIX" + "ME"))
    )
    assert {paper.name: spoken.findall(paper.read_text()) for paper in PAPERS if spoken.search(paper.read_text())} == {}
