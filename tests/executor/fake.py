"""Executors that do not behave: run as ``python fake.py KIND filedescs=R,W ...``; standard library only."""

from __future__ import annotations

import os
import struct
import sys
import time

HEADER = struct.Struct("<QQQQ")


def text(data: bytes) -> bytes:
    return struct.pack("<Q", len(data)) + data


def frame(opcode: int, number: int, tag: int, payload: bytes) -> bytes:
    return HEADER.pack(HEADER.size + len(payload), opcode, number, tag) + payload


# Every service that uruk's controller wants, at addresses that mean nothing.
NAMES = """
__llvm_orc_SimpleRemoteEPC_dispatch_ctx __llvm_orc_SimpleRemoteEPC_dispatch_fn
__llvm_orc_SimpleExecutorMemoryManager_Instance __llvm_orc_SimpleExecutorMemoryManager_reserve_wrapper
__llvm_orc_SimpleExecutorMemoryManager_finalize_wrapper __llvm_orc_SimpleExecutorDylibManager_Instance
__llvm_orc_SimpleExecutorDylibManager_open_wrapper __llvm_orc_SimpleExecutorDylibManager_lookup_wrapper
llvm_orc_registerEHFrameSectionWrapper __llvm_orc_bootstrap_mem_write_buffers_wrapper
""".split()
SYMBOLS = b"".join(text(name.encode()) + struct.pack("<Q", 4096 + at) for at, name in enumerate(NAMES))
BODY = text(b"x86_64-unknown-linux-gnu") + struct.pack("<QQQ", 4096, 0, len(NAMES)) + SYMBOLS
SETUP = frame(0, 0, 0, BODY)
FIRST = {
    "silent": b"",
    "garbage": b"\xff" * 200,
    "zeros": bytes(200),
    "half a header": SETUP[:20],
    "half a setup": SETUP[:-3],
    "huge": HEADER.pack(1 << 60, 0, 0, 0),
    "short": HEADER.pack(8, 0, 0, 0),
    "counts that lie": frame(0, 0, 0, text(b"x86_64") + struct.pack("<QQQ", 4096, 1 << 61, 1 << 61)),
    "no page size": frame(0, 0, 0, text(b"x86_64-linux") + struct.pack("<QQQ", 3, 0, 0)),
    "another machine": frame(0, 0, 0, text(b"sparc-sun-solaris") + struct.pack("<QQQ", 4096, 0, 0)),
    "result first": frame(2, 0, 0, b""),
    "numbered setup": frame(0, 5, 0, BODY),
    "no services": frame(0, 0, 0, text(b"x86_64-unknown-linux-gnu") + struct.pack("<QQQ", 4096, 0, 0)),
}
THEN = {
    "second setup": SETUP,
    "wrong number": frame(2, 77, 0, b"\0"),
    "tagged result": frame(2, 0, 5, b"\0"),
    "unknown kind": frame(9, 0, 0, b""),
    "half a result": frame(2, 0, 0, b"12345678")[:-4],
    "huge result": HEADER.pack(1 << 40, 2, 0, 0),
    "empty result": frame(2, 0, 0, b""),
    "result that lies": frame(2, 0, 0, b"\0" + struct.pack("<Q", 1 << 50)),
    "large result": HEADER.pack(32 + (3 << 20), 2, 0, 0),
    "large request": HEADER.pack(32 + (1 << 20), 3, 0, 4096),
    "floods": frame(3, 0, 4096, b"\0" * 8) * 50_000,
    "hangs up": frame(1, 0, 0, b"\x01" + text(b"enough")),
    "dies": b"",
    "hangs": b"",
}


def main() -> None:
    kind = sys.argv[1]
    words = next(word for word in sys.argv if word.startswith("filedescs="))
    reading, writing = (int(part) for part in words.partition("=")[2].split(","))
    if kind in FIRST:
        os.write(writing, FIRST[kind])
        if kind == "silent":
            time.sleep(600)
        return
    os.write(writing, SETUP)
    os.read(reading, 32)  # the first call
    data = THEN[kind]
    while data:
        data = data[os.write(writing, data) :]
    if kind == "dies":
        os.abort()
    if kind == "hangs":
        time.sleep(600)


if __name__ == "__main__":
    main()
