"""The documents: every link leads somewhere, and every function or file that they name exists."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
# Pages that tell a reader where to go in the code; decisions describe their day, and are not held to it.
GUIDES = [page for page in PAGES if "docs/adr" not in page.as_posix() and page.name != "CHANGELOG.md"]
LINK = re.compile(r"\[(?P<text>[^\]]*)\]\((?!https?:|mailto:)(?P<target>[^)\s]+)\)")
NAMED_PATH = re.compile(
    r"`((?:portal|accounts|diagnosis|ml|templates|static|tests|docs|docker|tools|requirements)/[\w./*-]*)`"
)


def name(page: Path) -> str:
    return page.resolve().relative_to(ROOT).as_posix()


def dotted(module: Path) -> str:
    return name(module).removesuffix(".py").replace("/", ".")


def links(page: Path) -> Iterator[tuple[str, str, str]]:
    """Text, path and anchor of each link that stays in the repository."""
    for link in LINK.finditer(re.sub(r"```.*?```", "", page.read_text(), flags=re.DOTALL)):
        path, _, anchor = link["target"].partition("#")
        yield link["text"], path, anchor


def anchors(page: Path) -> set[str]:
    headings = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def definitions(module: Path) -> set[str]:
    """Names of the functions, classes, methods (`Class.method`) and constants of a Python file."""
    found = set()
    for node in ast.parse(module.read_text()).body:
        found |= _names(node)
        if isinstance(node, ast.ClassDef):
            found |= {f"{node.name}.{inner}" for child in node.body for inner in _names(child)}
    return found


def _names(node: ast.stmt) -> set[str]:
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return {node.name}
    targets = node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
    return {target.id for target in targets if isinstance(target, ast.Name)}


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_link_leads_somewhere(page: Path) -> None:
    for _, path, anchor in links(page):
        target = page.parent / path if path else page
        assert target.exists(), f"{name(page)} links to {path}"
        if anchor:
            assert anchor in anchors(target), f"{name(page)} links to {path}#{anchor}"


@pytest.mark.parametrize("page", GUIDES, ids=name)
def test_every_linked_function_exists(page: Path) -> None:
    for text, path, _ in links(page):
        target = page.parent / path
        named = re.fullmatch(r"`([A-Za-z_][\w.]*)(?:\(\))?`", text)
        if named and target.suffix == ".py" and named[1] not in (name(target), dotted(target)):
            assert named[1] in definitions(target), f"{name(page)}: {path} has no {named[1]}"


@pytest.mark.parametrize("page", GUIDES, ids=name)
def test_every_named_path_exists(page: Path) -> None:
    for path in NAMED_PATH.findall(page.read_text()):
        assert list(ROOT.glob(path.rstrip("/"))), f"{name(page)} names {path}"


def test_the_newest_release_in_the_change_log_is_this_version() -> None:
    released = re.findall(r"^## (\d+\.\d+\.\d+) - \d{4}-\d\d-\d\d$", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert released[0] == (ROOT / "portal" / "VERSION").read_text().strip()
