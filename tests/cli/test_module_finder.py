"""Commands find uruk's modules as Python does: the same files, their source where its bytecode is stale."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import uruk

PACKAGE = Path(uruk.__file__).parent
SHOWN = """if True:
    import json, sys
    import uruk.cli.module_finder as finder
    before = len(sys.meta_path)
    if sys.argv.pop(1) == "here":
        finder.find_own_modules()
    import uruk.program.linked_program, uruk.link, uruk.passes.elf.eh_frame
    facts = {}
    for name, module in sorted(sys.modules.items()):
        if name.startswith("uruk."):
            spec = module.__spec__
            places = module.__path__ and list(module.__path__) if hasattr(module, "__path__") else None
            codes = [value.__code__.co_filename for value in vars(module).values() if hasattr(value, "__code__")]
            facts[name] = [
                module.__file__, module.__cached__, module.__package__, spec.origin, spec.cached, spec.has_location,
                spec.parent, spec.submodule_search_locations, places, sorted(set(codes)), spec.loader.path,
                len(spec.loader.get_source(name)),
            ]
    print(json.dumps([len(sys.meta_path) - before, facts]))
"""


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the package with bytecode."""
    folder = tmp_path_factory.mktemp("package")
    shutil.copytree(PACKAGE, folder / "uruk", ignore=shutil.ignore_patterns("__pycache__", "_runtime", "*.so"))
    subprocess.run([sys.executable, "-m", "compileall", "-q", "."], cwd=folder, check=True)
    return folder


def python(package: Path, *words: str) -> str:
    environment = {**os.environ, "PYTHONPATH": str(package)}
    done = subprocess.run(
        [sys.executable, *words], env=environment, capture_output=True, text=True, check=True, timeout=60
    )
    return done.stdout


def test_modules_are_what_python_makes_them(package: Path) -> None:
    installed, here = json.loads(python(package, "-c", SHOWN, "here"))
    none, theirs = json.loads(python(package, "-c", SHOWN, "python"))
    assert (installed, none) == (1, 0)
    assert here == theirs
    assert len(here) > 100
    assert all(str(package) in facts[0] for facts in here.values())


@pytest.mark.parametrize("words", [["-O"], ["-X", "pycache_prefix=elsewhere"]], ids=str)
def test_bytecode_that_lies_elsewhere_is_left_to_python(package: Path, words: list[str]) -> None:
    assert json.loads(python(package, *words, "-B", "-c", SHOWN, "here"))[0] == 0


def test_a_source_that_is_newer_than_its_bytecode_is_read(package: Path) -> None:
    machines = package / "uruk" / "cli" / "doctor.py"
    machines.write_text("def doctor(words):\n    print('changed')\n    return 0\n")
    assert python(package, "-B", "-m", "uruk", "doctor") == "changed\n"
    machines.unlink()
    shutil.copy(PACKAGE / "cli" / "doctor.py", machines)  # another time, and no bytecode
    shutil.rmtree(package / "uruk" / "cli" / "__pycache__")
    assert python(package, "-B", "-m", "uruk", "doctor", "--help").startswith("usage: uruk doctor")
