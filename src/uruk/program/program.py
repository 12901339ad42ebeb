"""`uruk.Program`: objects with a main(), linked and run as often as wanted, and what became of each run."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Generator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from typing import IO, TYPE_CHECKING

from uruk.errors import ExecutorError, ExecutorLost, InvalidType, InvalidValue
from uruk.formats.registry import target_of_file
from uruk.program.link_plan import LinkPlan
from uruk.program.linked_program import LinkedProgram, link_program
from uruk.program.reading import Reader
from uruk.program.settings import Settings
from uruk.program.targets import runnable_name, target_of
from uruk.target import runnable_target

if TYPE_CHECKING:
    from typing import TypeAlias

    Input: TypeAlias = "str | os.PathLike[str] | bytes | bytearray | memoryview"
    Stream: TypeAlias = "bytes | IO[bytes] | IO[str] | int | None"


class Ended:
    """How a run of a program ended.

    `status` is its exit status, or, negative, the signal that ended it; `crash` says where it was then, if that is
    known. `output` and `errors` are what it wrote to its standard streams, where that was captured, else empty.
    """

    def __init__(self, status: int, output: bytes, errors: bytes, crash: ExecutorLost | None) -> None:
        self.status = status
        self.output = output
        self.errors = errors
        self.crash = crash

    @property
    def signal(self) -> int:
        """The number of the signal that ended it; 0 where it ended by itself."""
        return max(-self.status, 0)

    def __repr__(self) -> str:
        return f"<Ended by signal {self.signal}>" if self.signal else f"<Ended with status {self.status}>"


class Program:
    """A program: `inputs` with a main() among them, linked anew for each run.

    `inputs` are as on a link line, in their order: paths of objects, archives, shared libraries and sources, and the
    bytes of objects. `libraries` are names for -l, `directories` where those are looked for first. `name` is the
    program's argv[0], the first input's by default. `entry` is the function to begin with. `target` is such as
    ``aarch64-linux``, by default that of the first object. `in_process`: main() is called in this process instead of a
    child; what it returns is the status, and exit() in it ends this process. `rdynamic`: libraries that it opens see
    all its names. Raises UnknownTarget for a target that uruk cannot run.
    """

    def __init__(
        self,
        *inputs: Input,
        libraries: Sequence[str] = (),
        directories: Sequence[str] = (),
        name: str = "",
        entry: str = "",
        target: str = "",
        launcher: Sequence[str] = (),
        in_process: bool = False,
        rdynamic: bool = False,
    ) -> None:
        if not inputs:
            raise InvalidValue("a program has at least one input")
        self._plan = plan = LinkPlan(directories=list(directories), output=name, entry=entry, rdynamic=rdynamic)
        self._given: dict[str, bytes] = {}
        for number, source in enumerate(inputs):
            plan.add("input", self._name_of(source, number))
        for library in libraries:
            plan.add("library", library)
        self._target = str(runnable_target(target)) if target else self._target_of_inputs()
        self._launcher = list(launcher)
        self._in_process = in_process

    def _name_of(self, source: Input, number: int) -> str:
        """The name of an input in the plan; bytes are kept under theirs."""
        if isinstance(source, str | os.PathLike):
            return os.fspath(source)
        name = f"<input {number}>"
        try:
            self._given[name] = memoryview(source).tobytes()
        except TypeError:
            raise InvalidType(f"an input is a path or bytes, not {type(source).__name__}") from None
        return name

    def _target_of_inputs(self) -> str:
        for content in self._given.values():
            target = target_of_file(content)
            if target is not None and target.architecture:
                return runnable_name(target) or str(target if target.system else runnable_target(target.architecture))
        return target_of(one for one in self._plan.inputs if one.value not in self._given)

    def run(
        self,
        *arguments: str,
        environment: Mapping[str, str] | None = None,
        stdin: Stream = None,
        stdout: Stream = None,
        stderr: Stream = None,
        capture: bool = False,
    ) -> Ended:
        """Link the program, run it with `arguments`, and wait for its end.

        `environment` is this process's by default, and always in process. `stdin` may be bytes that the program reads;
        it, `stdout` and `stderr` may be files or descriptors, and are this process's by default. `capture`: what it
        writes to the two that are not given is kept, through temporary files. Raises what linking raises, LinkError
        among it, and ExecutorError where the process cannot be had; nothing of it is left then.
        """
        if self._in_process and environment is not None:
            raise InvalidValue("a program in this process has its environment: change os.environ")
        with ExitStack() as files:
            output = files.enter_context(tempfile.TemporaryFile()) if capture and stdout is None else None
            errors = files.enter_context(tempfile.TemporaryFile()) if capture and stderr is None else None
            streams = (
                _descriptor(stdin, 0, files),
                _descriptor(stdout if output is None else output, 1, files),
                _descriptor(stderr if errors is None else errors, 2, files),
            )
            status, crash = self._run(arguments, dict(os.environ if environment is None else environment), streams)
            return Ended(status, _content(output), _content(errors), crash)

    def _run(
        self, arguments: Sequence[str], environment: dict[str, str], streams: tuple[int, int, int]
    ) -> tuple[int, ExecutorLost | None]:
        settings = Settings(
            self._plan,
            program=list(arguments),
            target=self._target,
            launcher=self._launcher,
            returns=self._in_process,
            environment=environment,
            streams=streams,
        )
        with ExitStack() as redirected:
            if self._in_process:
                redirected.enter_context(_own_streams(streams))
            attempts: list[LinkedProgram] = []
            reader = Reader(self._plan, None, self._given)
            try:
                program = link_program(settings, reader, attempts.append)
                status = program.run()
                return status, program.jit.executor.lost if status < 0 else None
            finally:
                reader.stop()
                for attempt in attempts:
                    _close(attempt)


def _close(program: LinkedProgram) -> None:
    """Give up the program: a child has ended with it, so that nothing can be asked of that any more."""
    try:
        program.jit.close()
    except ExecutorError:
        if program.child is None:
            raise


def _descriptor(stream: Stream, default: int, files: ExitStack) -> int:
    """The descriptor of a standard stream; bytes are in a temporary file of their own. Raises InvalidType."""
    if stream is None:
        return default
    if isinstance(stream, int):
        return stream
    if isinstance(stream, bytes):
        if default:
            raise InvalidType("bytes are read by a program, not written to: give stdout and stderr files")
        with ExitStack() as made:
            file = made.enter_context(tempfile.TemporaryFile())
            file.write(stream)
            file.seek(0)
            files.push(made.pop_all())
            return file.fileno()
    if default:
        stream.flush()
    return stream.fileno()


def _content(file: IO[bytes] | None) -> bytes:
    """What was written to a temporary file."""
    if file is None:
        return b""
    file.seek(0)
    return file.read()


@contextmanager
def _own_streams(streams: tuple[int, int, int]) -> Generator[None]:
    """Have this process's standard streams be others for a while."""
    import sys

    sys.stdout.flush()
    sys.stderr.flush()
    with ExitStack() as files:
        wanted = [os.dup(stream) for stream in streams]
        for file in wanted:
            files.callback(os.close, file)
        for place in range(3):
            saved = os.dup(place)
            files.callback(os.close, saved)
            files.callback(os.dup2, saved, place)
            os.dup2(wanted[place], place)
        files.callback(_forget_end_of_input)
        yield


def _forget_end_of_input() -> None:
    """Have the C library read on from its standard input, which is another file from now on: the end is sticky."""
    import ctypes

    libc = ctypes.CDLL(None)
    libc.clearerr(ctypes.c_void_p.in_dll(libc, "stdin"))
