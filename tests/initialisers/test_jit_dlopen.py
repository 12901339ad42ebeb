"""Linked code opens the session's dylibs by name, as libraries: in this process and in another one."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

import uruk

PLUGIN = r"""
int started, ended;
int *log_of_ends;
__attribute__((constructor)) static void begin(void) { started++; }
__attribute__((destructor)) static void end(void) { if (log_of_ends) ++*log_of_ends; }
int answer(int x) { return x * started + 1; }
"""
HOST = r"""
#include <stdio.h>
#include <string.h>
void *uruk_jit_dlopen(const char *, int);
void *uruk_jit_dlsym(void *, const char *);
int uruk_jit_dlclose(void *);
const char *uruk_jit_dlerror(void);
void *__orc_rt_jit_dlopen(const char *, int);
int ends;
int use(int x) {
    void *plugin = uruk_jit_dlopen("plugin", 1);
    if (!plugin || uruk_jit_dlerror()) return -1;
    if (__orc_rt_jit_dlopen("plugin", 1) != plugin) return -2;
    int (*answer)(int) = (int (*)(int))uruk_jit_dlsym(plugin, "answer");
    int **log = (int **)uruk_jit_dlsym(plugin, "log_of_ends");
    if (!answer || !log) return -3;
    *log = &ends;
    int value = answer(x);
    if (uruk_jit_dlclose(plugin) || ends != 0) return -4;
    if (uruk_jit_dlclose(plugin) || ends != 1) return -5;
    return value;
}
int missing(void) {
    if (uruk_jit_dlopen("nobody", 1)) return 1;
    const char *text = uruk_jit_dlerror();
    if (!text || !strstr(text, "nobody") || uruk_jit_dlerror()) return 2;
    if (uruk_jit_dlsym((void *)4, "x") || !uruk_jit_dlerror()) return 3;
    if (!uruk_jit_dlclose((void *)4) || !uruk_jit_dlerror()) return 4;
    void *plugin = uruk_jit_dlopen("plugin", 1);
    if (uruk_jit_dlsym(plugin, "no_such_name") || !strstr(uruk_jit_dlerror(), "no_such_name")) return 5;
    return 0;
}
"""


@pytest.fixture(params=["here", "shared", "wire"])
def jit(request: pytest.FixtureRequest) -> Iterator[uruk.LLJIT]:
    executor = None if request.param == "here" else uruk.spawn(shared_memory=request.param == "shared")
    with uruk.LLJIT(executor=executor) as one:
        one.create_dylib("plugin")
        one.add_source(text=PLUGIN, language="c", dylib=one.session.dylibs["plugin"])
        one.add_source(text=HOST, language="c")
        yield one


def test_open_use_close(jit: uruk.LLJIT) -> None:
    assert jit.lookup("use").function("int(int)")(20) == 21


def test_what_is_not_there(jit: uruk.LLJIT) -> None:
    assert jit.lookup("missing").function("int(void)")() == 0
