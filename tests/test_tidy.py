"""The house rules of docs/architecture.md, checked: floors, sizes, docstrings, nothing of a workplace."""

from __future__ import annotations

import ast
import functools
import re
import subprocess
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

pytestmark = [pytest.mark.quick, pytest.mark.any_interpreter]

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "src" / "uruk"
MODULES = sorted(path for path in PACKAGE.rglob("*.py") if "_runtime" not in path.parts)
SCRIPTS = sorted([*(ROOT / "build_support").glob("*.py"), ROOT / "hatch_build.py"])

# Lowest first; modules of one row are one floor. Imports point to the same floor or downward.
FLOORS = (
    ("errors", "records", "named_tuples", "special_methods", "machines", "builtin_names", "reporting", "host"),
    ("target",),
    ("demangle", "runtime_files", "runtime_interface", "regular_files", "input_buffer", "c_types", "compile"),
    ("graph",),
    ("isa",),
    ("memory",),
    ("formats",),
    ("libraries",),
    ("passes",),
    ("link", "link_rules", "row_link"),
    ("executor",),
    ("orc",),
    ("platforms",),
    ("extension_modules",),
    ("typed_calls",),
    ("debug_info",),
    ("lljit", "attributes", "calling", "symbol", "spawning"),
    ("program", "importer", "loaded"),
    ("__init__", "testing"),
    ("cli", "jitlink", "notebook", "__main__"),
)
FLOOR_OF = {name: floor for floor, names in enumerate(FLOORS) for name in names}
MAX_FILE, MAX_FUNCTION = 800, 60


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


def top_of(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def for_each(paths: Sequence[Path]) -> Callable[[Callable[[Path], None]], Callable[[], None]]:
    """Make one test of a rule for all files: a test each would take longer than the rules do."""

    def decorate(check: Callable[[Path], None]) -> Callable[[], None]:
        def test() -> None:
            complaints: list[str] = []
            for path in paths:
                try:
                    check(path)
                except AssertionError as error:
                    complaints.append(str(error))
            assert not complaints, "\n".join(complaints)

        test.__doc__ = check.__doc__
        return test

    return decorate


@functools.cache
def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), str(path))


def imports_of(path: Path) -> Iterator[tuple[int, str]]:
    """Line and top module under `uruk` of every import, those inside functions too."""
    package = ["uruk", *path.relative_to(PACKAGE).parts[:-1]]
    for node in ast.walk(tree_of(path)):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            module = ".".join([*base, *([node.module] if node.module else [])])
            names = [f"{module}.{alias.name}" for alias in node.names] if module == "uruk" else [module]
        for name in names:
            parts = name.split(".")
            if parts[0] == "uruk":
                top = parts[1] if len(parts) > 1 else "__init__"
                known = (PACKAGE / top).is_dir() or (PACKAGE / f"{top}.py").is_file()
                yield getattr(node, "lineno", 0), top if known else "__init__"


@for_each(MODULES)
def test_imports_point_downward(path: Path) -> None:
    here = top_of(path)
    assert here in FLOOR_OF, f"{name_of(path)}: say on which floor `{here}' is, in FLOORS of tests/test_tidy.py"
    for line, there in imports_of(path):
        assert there in FLOOR_OF, f"{name_of(path)}:{line}: `{there}' is on no floor"
        assert FLOOR_OF[there] <= FLOOR_OF[here], (
            f"{name_of(path)}:{line}: uruk.{here} (floor {FLOOR_OF[here]}) imports uruk.{there} (floor "
            f"{FLOOR_OF[there]}), which is above it: move what is needed down to uruk.{here}'s floor or "
            f"below, or hand it in from uruk.{there}"
        )


def test_nothing_asks_for_the_class_of_an_executor() -> None:
    for path in MODULES:
        for node in ast.walk(tree_of(path)):
            called = isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "isinstance"
            assert not (called and re.search(r"Executor\b", ast.unparse(node.args[1]))), (
                f"{name_of(path)}:{node.lineno}: what differs between executors is their processes' (`is_here`), or is "
                "handed in by whoever made the executor"
            )


@for_each([*MODULES, *SCRIPTS])
def test_sizes(path: Path) -> None:
    lines = len(path.read_text(encoding="utf-8").splitlines())
    assert lines <= MAX_FILE, f"{name_of(path)} has {lines} lines, more than {MAX_FILE}: one idea a file"
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            length = (node.end_lineno or node.lineno) - node.lineno + 1
            assert length <= MAX_FUNCTION, f"{name_of(path)}:{node.lineno}: {node.name} has {length} lines"


def public_definitions(body: list[ast.stmt], prefix: str = "") -> Iterator[tuple[str, ast.AST]]:
    for node in body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) and node.name[0] != "_":
            if any(isinstance(d, ast.Name) and d.id in ("overload", "override") for d in node.decorator_list):
                continue
            yield prefix + node.name, node
            if isinstance(node, ast.ClassDef):
                yield from public_definitions(node.body, f"{prefix}{node.name}.")


@for_each([*MODULES, *SCRIPTS])
def test_docstrings(path: Path) -> None:
    tree = tree_of(path)
    assert ast.get_docstring(tree), f"{name_of(path)}: no module docstring"
    private = any(part.startswith("_") and part != "__init__.py" for part in path.relative_to(ROOT).parts)
    for name, node in () if private else public_definitions(tree.body):
        assert isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
        assert ast.get_docstring(node), f"{name_of(path)}:{node.lineno}: public `{name}' has no docstring"


QUESTION = re.compile(r"(?:Whether|What|Who|Which|Where|How)\b")


def docstrings_of(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Line and text of docstrings, those below attributes included."""
    for node in ast.walk(tree):
        body = getattr(node, "body", ())
        for statement in body if isinstance(body, list) else ():
            value = statement.value if isinstance(statement, ast.Expr) else None
            if isinstance(value, ast.Constant) and isinstance(value.value, str):
                yield value.lineno, value.value


@for_each([*MODULES, *SCRIPTS])
def test_docstrings_are_sentences(path: Path) -> None:
    for line, text in docstrings_of(tree_of(path)):
        assert not QUESTION.match(text), (
            f"{name_of(path)}:{line}: `{text.split()[0]} ...' begins no sentence: say `Return whether', `True if', "
            "`The number of'"
        )


def test_a_question_is_noticed() -> None:
    tree = ast.parse(
        '"""What is here."""\nclass A:\n    x = 1\n    """Whether it is."""\n    y = 2\n    """Which."""\n'
    )
    assert [line for line, text in docstrings_of(tree) if QUESTION.match(text)] == [1, 4, 6]


@for_each([*MODULES, *SCRIPTS])
def test_annotations_are_not_evaluated(path: Path) -> None:
    wanted = "from __future__ import annotations"
    imports = any(isinstance(node, ast.Import | ast.ImportFrom) for node in ast.walk(tree_of(path)))
    plain = path.name == "__init__.py" and not imports  # a docstring only
    lines = path.read_text(encoding="utf-8").splitlines()
    assert plain or wanted in lines, f"{name_of(path)}: no `{wanted}'"


MACHINE_QUESTION = re.compile(r"\b(?:os\.uname|platform\.(?:machine|uname)|sysconfig\.get_platform)\b")


def test_one_place_asks_which_machine_this_is() -> None:
    home = PACKAGE / "target.py"
    assert MACHINE_QUESTION.search(home.read_text(encoding="utf-8"))
    for path in MODULES:
        match = MACHINE_QUESTION.search(path.read_text(encoding="utf-8"))
        assert match is None or path == home, f"{name_of(path)}: {match}: this machine is HERE of uruk.target"


ONE_SYSTEMS_LIBRARIES = re.compile(r"\buruk\.libraries\.(?:linux|windows|linker_script)\b")


def test_only_the_room_of_libraries_knows_systems() -> None:
    for path in MODULES:
        match = ONE_SYSTEMS_LIBRARIES.search(path.read_text(encoding="utf-8"))
        assert match is None or top_of(path) == "libraries", (
            f"{name_of(path)}: {match.group()} is one system's: ask uruk.libraries.search by the target"
        )


C_COMMENT_OR_TEXT = re.compile(r"/\*.*?\*/|//[^\n]*|\"(?:\\.|[^\"\\\n])*\"", re.DOTALL)
C_LONG = re.compile(r"\b(?:atomic_u?)?long\b(?!\s+double)|\d[uU]?[lL]{1,2}\b")


def test_runtime_has_types_of_fixed_width() -> None:
    for path in sorted((ROOT / "runtime").rglob("*.[ch]")):
        code = C_COMMENT_OR_TEXT.sub(lambda match: re.sub(r"[^\n]", " ", match[0]), path.read_text(encoding="utf-8"))
        for number, line in enumerate(code.splitlines(), 1):
            assert not C_LONG.search(line), (
                f"{name_of(path)}:{number}: long has 32 bits on Windows, where Python packs 64: use int64_t or uint64_t"
                " (PRIx64 in formats)"
            )


C_INT_RESULT = re.compile(r"^EXPORTED (?:int|unsigned)(?: \w+)? (uruk_rt_\w+)\(", re.MULTILINE)
C_LIBRARYS_TYPES = {
    *("uruk_rt_sigaction", "uruk_rt_sigaltstack", "uruk_rt_dl_iterate_phdr"),
    *("uruk_rt_run_main", "uruk_rt_call_main"),
}
"""Functions of the runtime that stand for one of the C library, or have main's result."""


def test_runtime_functions_return_all_that_python_reads() -> None:
    for path in sorted((ROOT / "runtime").rglob("*.c")):
        for match in C_INT_RESULT.finditer(path.read_text(encoding="utf-8")):
            assert match[1] in C_LIBRARYS_TYPES, (
                f"{name_of(path)}: {match[1]} must return int64_t: Python reads 64 bits, and those"
                " above an int's 32 are undefined"
            )


def project_files() -> list[Path]:
    command = ["git", "-C", str(ROOT), "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    try:
        listed = subprocess.run(command, capture_output=True, check=True).stdout.decode().split("\0")
    except (OSError, subprocess.CalledProcessError):  # a source archive
        return [p for top in ("src", "runtime", "tests", "docs") for p in (ROOT / top).rglob("*") if p.is_file()]
    return [ROOT / name for name in listed if name and (ROOT / name).is_file()]


# Put together here, so that this file does not contain them.
WORKPLACE = re.compile(r"(?<![\w.*-])/(?:" + "|".join(["wo" + "rk", "ro" + "ot", "tmp/" + "venv"]) + r")(?:/|\b)")
HOSTS = ["py" + r"pi\.org", "python" + r"hosted\.", "np" + r"mjs\.", "debian" + r"\.org"]
REGISTRIES = re.compile(
    r"\b(?:" + r"|".join(["py" + r"pi\.org", "python" + r"hosted\.", "np" + r"mjs\.", "debian" + r"\.org"]) + ")"
)


def test_nothing_of_a_workplace() -> None:
    found: list[str] = []
    for path in project_files():
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue
        for number, line in enumerate(text.splitlines(), 1):
            for pattern, what in ((WORKPLACE, "a path of one machine"), (REGISTRIES, "a registry's address")):
                if match := pattern.search(line):
                    found.append(f"{name_of(path)}:{number}: {what}: {match.group()}")
    assert not found, "\n".join(found)
