"""Code for AArch64 on this machine: compiled by a cross compiler, linked and called as if it were at home."""

from __future__ import annotations

import numpy as np

import uruk

SOURCE = """
const char *machine(void)
{
#ifdef __aarch64__
    return "AArch64";
#else
    return "another machine";
#endif
}

void add(float *a, const float *b, int n)
{
    for (int i = 0; i < n; i++)
        a[i] += b[i];
}
"""

with uruk.LLJIT(executor=uruk.spawn(target="aarch64-linux")) as jit:  # under qemu-aarch64
    jit.add_source(text=SOURCE, language="c", flags=["-O3", "-g"])  # which says the types
    print(jit.string(jit.machine()))
    a, b = np.arange(4, dtype=np.float32), np.full(4, 10, np.float32)
    jit.add(a, b, 4)
    print(a)
