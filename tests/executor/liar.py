"""A proxy that lies: run as ``python liar.py LIE LOG COMMAND... filedescs=R,W ...``; standard library only.

It starts the executor COMMAND and passes messages on. LIE is JSON: {"frame": 3, "changes": [[8, "ff00"]]} writes bytes
into the third message from the executor, counted from 0 with its header; "cut" and "add" shorten and lengthen it, its
header telling so. {"stop": 3} stops the executor after three messages; nothing comes any more, and the line stays open.
LOG gets one line a message of the executor, if it is not empty: its size and kind.

An executor that inherits nothing (``controller=PID`` says whose R and W are) opens this process's descriptors.
"""

from __future__ import annotations

import json
import os
import select
import signal
import struct
import sys
import threading

HEADER = struct.Struct("<QQQQ")


def start(command: list[str]) -> tuple[int, int, int, int]:
    """Start the executor; what the controller writes and reads, and what the executor does."""
    which = next(at for at, word in enumerate(command) if word.startswith("filedescs="))
    numbers = command[which].partition("=")[2].split(",")
    holder = next((at for at, word in enumerate(command) if word.startswith("controller=")), None)
    if holder is None:
        read_end, write_end = map(int, numbers)
    else:
        folder = f"/proc/{command[holder].partition('=')[2]}/fd"
        read_end = os.open(f"{folder}/{numbers[0]}", os.O_RDONLY)
        write_end = os.open(f"{folder}/{numbers[1]}", os.O_WRONLY)
    down_read, down_write = os.pipe()
    up_read, up_write = os.pipe()
    liar = os.fork()
    if liar:  # this process is the executor: it is the one that the controller watches
        for file in (down_read, up_write):
            os.set_inheritable(file, True)
        for file in (down_write, up_read, read_end, write_end):
            os.close(file)
        command[which] = f"filedescs={down_read},{up_write}"
        if holder is not None:
            command[holder] = f"controller={liar}"
            os.close(down_read)
            os.close(up_write)
        os.execvp(command[0], command)
    if holder is not None:
        wait_for(up_read)
    os.close(down_read)
    os.close(up_write)
    return read_end, write_end, down_write, up_read


def wait_for(file: int) -> None:
    """Wait until the executor has opened its descriptors, as it says something; without it there is nothing to do."""
    executor = os.getppid()
    while not select.select([file], [], [], 0.05)[0]:
        if os.getppid() != executor:
            os._exit(0)


def forward(source: int, target: int) -> None:
    while data := os.read(source, 1 << 16):
        os.write(target, data)
    os._exit(0)


def exactly(file: int, size: int) -> bytes:
    data = b""
    while len(data) < size:
        piece = os.read(file, size - len(data))
        if not piece:
            os._exit(0)
        data += piece
    return data


def lied(message: bytes, lie: dict[str, object]) -> bytes:
    """The message as the lie has it."""
    changed = bytearray(message)
    if "cut" in lie:
        del changed[lie["cut"] :]
    changed += bytes.fromhex(lie.get("add", ""))
    if len(changed) >= HEADER.size:
        changed[:8] = struct.pack("<Q", len(changed))
    for at, data in lie.get("changes", ()):
        new = bytes.fromhex(data)[: max(len(changed) - at, 0)]
        changed[at : at + len(new)] = new
    return bytes(changed)


def write(file: int, data: bytes) -> None:
    while data:
        data = data[os.write(file, data) :]


def main() -> None:
    lie, log = json.loads(sys.argv[1]), sys.argv[2]
    executor = os.getpid()
    read_end, write_end, down_write, up_read = start(sys.argv[3:])
    threading.Thread(target=forward, args=(read_end, down_write), daemon=True).start()
    number = 0
    while True:
        if number == lie.get("stop"):
            os.kill(executor, signal.SIGSTOP)
            signal.pause()  # it holds the line
        header = exactly(up_read, HEADER.size)
        size, opcode, _, _ = HEADER.unpack(header)
        message = header + exactly(up_read, size - HEADER.size)
        if log:
            with open(log, "a") as file:
                file.write(f"{size} {opcode}\n")
        write(write_end, lied(message, lie) if number == lie.get("frame") else message)
        number += 1


if __name__ == "__main__":
    main()
