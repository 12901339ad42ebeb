"""Section by section: what the wanted names reach stays, and what must stay anyway."""

from __future__ import annotations

import pytest

import uruk

from support.compiling import Compile

pytestmark = pytest.mark.quick

SOURCE = """
    extern int nobody(void);
    __attribute__((section("plugins"))) int first = 20;
    __attribute__((section("plugins"))) int second = 22;
    extern int __start_plugins[], __stop_plugins[];
    int unused(void) { return nobody(); }
    int sum(void) {
        int all = 0;
        for (int *one = __start_plugins; one < __stop_plugins; one++) all += *one;
        return all;
    }
    __attribute__((retain, used)) static int kept_data = 7;
"""


@pytest.fixture
def pruned(cc: Compile) -> uruk.LLJIT:
    jit = uruk.LLJIT(options=uruk.Options(prune=True))
    jit.add_object(cc(SOURCE, "-ffunction-sections", "-fdata-sections", "-fno-common"))
    return jit


def test_unreached_code_is_dropped_and_wants_nothing(pruned: uruk.LLJIT) -> None:
    with pruned as jit:
        assert jit.lookup("sum").function("int(void)")() == 42


def test_retained_sections_stay(cc: Compile) -> None:
    sizes: list[int] = []
    for text in (SOURCE, SOURCE.replace("retain, ", "")):
        with uruk.LLJIT(options=uruk.Options(prune=True)) as jit:
            code = jit.add_object(cc(text, "-ffunction-sections", "-fdata-sections", family="clang"))
            jit.lookup("sum")
            sizes.append(code.remove().memory)
    assert sizes[0] > sizes[1]
