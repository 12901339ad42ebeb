"""`uruk.Program`: objects with a main(), linked and run as often as wanted, and what became of each run."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Generator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from typing import IO, TYPE_CHECKING

from uruk.errors import ExecutorCrashed, ExecutorError, ExecutorLost, InputNotFound, InvalidType, InvalidValue
from uruk.orc.registry.inputs import check, check_environment, listed, path_of
from uruk.program.link_plan import LinkPlan
from uruk.program.linked_program import LinkedProgram, link_program
from uruk.program.options import Library, LinkOptions, add_inputs
from uruk.program.reading import Reader
from uruk.program.settings import Settings
from uruk.program.targets import target_of, target_of_content
from uruk.target import HERE, executor_target

if TYPE_CHECKING:
    from typing import TypeAlias

    from uruk.executor.remote import RemoteExecutor
    from uruk.program.compilation import HowToCompile
    from uruk.program.options import Source

    Stream: TypeAlias = "bytes | IO[bytes] | IO[str] | int | None"


class Ended:
    """The end of a run of a program.

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

    `inputs` are as on a link line, in their order: paths of objects, archives, shared libraries and sources, the bytes
    of objects and archives, and `Library`, for one that is linked in a way of its own. `libraries` are names for -l, or
    `Library`; `directories` are where names are looked for first. `name` is the program's argv[0], the first input's by
    default. `entry` is the function to begin with. `target` is such as ``aarch64-linux``, by default that of the first
    object. `in_process`: main() is called in this process instead of a child; what it returns is the status, and exit()
    in it ends this process. `options` are those of the link; `rdynamic` is one of them. `compiler` and `flags` are for
    sources among the inputs; the runtime libraries of flags (``-fopenmp``, ``-fsanitize=address``) are linked, too.
    Raises UnknownTarget for a target that uruk cannot run, InvalidValue and InvalidType for arguments that make no
    sense.
    """

    def __init__(
        self,
        *inputs: Source | Library,
        libraries: Sequence[str | Library] = (),
        directories: Sequence[str | os.PathLike[str]] = (),
        name: str = "",
        entry: str = "",
        target: str = "",
        launcher: Sequence[str] = (),
        in_process: bool = False,
        rdynamic: bool = False,
        options: LinkOptions | None = None,
        compiler: str = "",
        flags: Sequence[str] = (),
    ) -> None:
        for value, what in ((name, "name"), (entry, "entry"), (compiler, "compiler")):
            check(value, str, what, "a text")
        if options is not None:
            check(options, LinkOptions, "options", "an uruk.LinkOptions")
        self._plan = plan = LinkPlan(
            directories=[path_of(directory) for directory in listed(directories, "directories")],
            output=name,
            entry=entry,
        )
        (options or LinkOptions()).apply(plan)
        plan.rdynamic |= rdynamic
        self._given = add_inputs(plan, inputs, listed(libraries, "libraries"))
        self._target = str(executor_target(target)) if target else self._target_of_inputs()
        self._launcher = listed(launcher, "launcher")
        self._in_process = in_process
        self._compiler, self._flags = compiler, tuple(listed(flags, "flags"))
        for flag in self._flags:
            check(flag, str, "flags", "a list of texts")
        self._add_runtimes()

    def _target_of_inputs(self) -> str:
        """Return the target of the first input that says one."""
        for item in self._plan.inputs:
            content = self._given.get(item.value)
            if target := target_of([item]) if content is None else target_of_content(content):
                return target
        return ""

    def _add_runtimes(self) -> None:
        """Link the libraries that a compiler's driver would add for the flags."""
        if not self._flags:
            return
        from uruk.program.driver_runtimes import add_runtimes, has_runtime  # it takes time to import

        self._plan.runtimes += filter(has_runtime, self._flags)
        if self._plan.runtimes:
            settings = Settings(self._plan, target=self._target, returns=self._in_process)
            add_runtimes(settings, self._compiler)

    def _how_to_compile(self) -> HowToCompile | None:
        """Return the settings of compilations; None for the defaults, which saves an import."""
        foreign = self._target not in ("", str(HERE))
        if not (self._compiler or self._flags or foreign):
            return None
        from uruk.program.compilation import HowToCompile  # it takes time to import

        instruments = any(flag.startswith(("-fprofile", "-ftest-", "--cov", "-cov")) for flag in self._flags)
        return HowToCompile(
            self._compiler, self._flags, target=self._target, output=self._plan.output, instruments=instruments
        )

    def run(
        self,
        *arguments: str,
        environment: Mapping[str, str] | None = None,
        stdin: Stream = None,
        stdout: Stream = None,
        stderr: Stream = None,
        capture: bool = False,
        directory: str | os.PathLike[str] = "",
        executor: RemoteExecutor | None = None,
    ) -> Ended:
        """Link the program, run it with `arguments`, and wait for its end.

        `environment` and the working `directory` are this process's by default, and always in process. `executor` is
        the process to run it in, from `uruk.spawn` or `uruk.connect`, which has an environment and streams of its own,
        and serves one run. `stdin` may be bytes that the program reads; it, `stdout` and `stderr` may be files or
        descriptors, and are this process's by default. `capture`: what it writes to the two that are not given is kept,
        through temporary files. Raises what linking raises, LinkError
        among it, and ExecutorError where the process cannot be had; nothing of it is left then.
        """
        has_streams = capture or (stdin, stdout, stderr) != (None, None, None)
        place = path_of(directory)
        self._check_surroundings(environment, place, executor, has_streams=has_streams)
        with ExitStack() as files:
            output = files.enter_context(tempfile.TemporaryFile()) if capture and stdout is None else None
            errors = files.enter_context(tempfile.TemporaryFile()) if capture and stderr is None else None
            streams = (
                _descriptor(stdin, 0, files),
                _descriptor(stdout if output is None else output, 1, files),
                _descriptor(stderr if errors is None else errors, 2, files),
            )
            settings = Settings(
                self._plan if not place else self._plan.with_whole_paths(self._given),
                program=list(arguments),
                target=self._target,
                launcher=self._launcher,
                returns=self._in_process,
                environment=dict(os.environ if environment is None else environment),
                streams=streams,
                directory=os.path.abspath(place) if place else "",
                given_executor=executor,
            )
            status, crash = self._run(settings)
            return Ended(status, _content(output), _content(errors), crash)

    def _check_surroundings(
        self,
        environment: Mapping[str, str] | None,
        directory: str,
        executor: RemoteExecutor | None,
        *,
        has_streams: bool,
    ) -> None:
        """Raise InvalidValue for arguments of `run` that exclude one another, InputNotFound for no directory."""
        if self._in_process and environment is not None:
            raise InvalidValue("a program in this process has its environment: change os.environ")
        if self._in_process and (directory or executor):
            raise InvalidValue("a program in this process has its working directory, and no executor")
        if executor and (environment is not None or has_streams):
            raise InvalidValue("an executor has its environment and streams: give them to uruk.spawn()")
        if executor and self._plan.preloaded:
            raise InvalidValue(f"{self._plan.preloaded[0]} must be loaded before all else: no executor can be given")
        if environment is not None:
            check_environment(environment)
        if directory and not os.path.isdir(directory):
            raise InputNotFound(directory, "working directory", "there is no such directory")

    def _run(self, settings: Settings) -> tuple[int, ExecutorLost | None]:
        with ExitStack() as redirected:
            if self._in_process:
                redirected.enter_context(_own_streams(settings.streams))
            attempts: list[LinkedProgram] = []
            reader = Reader(settings.plan, self._how_to_compile(), self._given)
            try:
                program = link_program(settings, reader, attempts.append)
                status = program.run()
                lost = program.jit.executor.lost
                return status, lost if status < 0 or isinstance(lost, ExecutorCrashed) else None
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
    """Return the descriptor of a standard stream; bytes are in a temporary file of their own. Raises InvalidType."""
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
    if not hasattr(stream, "fileno"):
        raise InvalidType(f"a standard stream is a file, a descriptor, or bytes to read, not {stream!r}")
    if default:
        stream.flush()
    return stream.fileno()


def _content(file: IO[bytes] | None) -> bytes:
    """Return what was written to a temporary file."""
    if file is None:
        return b""
    file.seek(0)
    return file.read()


@contextmanager
def _own_streams(streams: tuple[int, ...]) -> Generator[None]:
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
