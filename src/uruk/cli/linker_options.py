"""The options of GNU ld, gold, lld and mold (``-Wl,OPTION``, ``-Xlinker OPTION``), and what each means here.

Long names may begin with one dash or two, but for those that begin with o (GNU ld's manual, "Command-line Options").
"""

from __future__ import annotations

from uruk.cli.options import NO_FILE, PASSED_ON, PLACED, Meaning, Option, OptionTable, Takes

_N, _REST, _EITHER, _EQUALS, _MAYBE = Takes.NOTHING, Takes.REST, Takes.EITHER, Takes.EQUALS, Takes.MAYBE

LONG = OptionTable([
    ("whole-archive", _N, Meaning.WHOLE_ARCHIVE),
    ("no-whole-archive", _N, Meaning.NO_WHOLE_ARCHIVE),
    ("Bstatic dn non_shared static", _N, Meaning.STATIC),
    ("Bdynamic dy call_shared", _N, Meaning.DYNAMIC),
    ("as-needed", _N, Meaning.AS_NEEDED),
    ("no-as-needed", _N, Meaning.NO_AS_NEEDED),
    ("push-state", _N, Meaning.PUSH_STATE),
    ("pop-state", _N, Meaning.POP_STATE),
    ("library", _EQUALS, Meaning.LIBRARY),
    ("library-path", _EQUALS, Meaning.DIRECTORY),
    ("rpath", _EQUALS, Meaning.RPATH),
    ("disable-new-dtags", _N, Meaning.INHERITED_RPATH),
    ("enable-new-dtags", _N, Meaning.OWN_RPATH),
    ("wrap", _EQUALS, Meaning.WRAP),
    ("defsym", _EQUALS, Meaning.DEFSYM),
    ("undefined require-defined", _EQUALS, Meaning.UNDEFINED),
    ("entry", _EQUALS, Meaning.ENTRY),
    ("output", _EQUALS, Meaning.OUTPUT),
    ("gc-sections", _N, Meaning.GC_SECTIONS),
    ("no-gc-sections", _N, Meaning.NO_GC_SECTIONS),
    ("""
     export-dynamic dynamic-list-data dynamic-list-cpp-new dynamic-list-cpp-typeinfo
     """, _N, Meaning.EXPORT),
    ("dynamic-list export-dynamic-symbol export-dynamic-symbol-list", _EQUALS, Meaning.EXPORT),
    ("unresolved-symbols", _EQUALS, Meaning.UNRESOLVED),
    ("script", _EQUALS, Meaning.SCRIPT),
    # What is refused: one line says why.
    ("""
     default-script mri-script section-start Ttext Tdata Tbss Ttext-segment Trodata-segment Tldata-segment
     image-base
     """, _EQUALS, Meaning.REFUSED, PLACED),
    ("shared Bshareable relocatable", _N, Meaning.REFUSED, NO_FILE),
    ("oformat", _EQUALS, Meaning.REFUSED, NO_FILE),
    ("format", _EQUALS, Meaning.REFUSED, "inputs are ELF objects, archives and libraries"),
    ("just-symbols", _EQUALS, Meaning.REFUSED, "addresses of another program file mean nothing in this process"),
    ("init fini", _EQUALS, Meaning.REFUSED, "use __attribute__((constructor)) or ((destructor))"),
    ("start-lib end-lib", _N, Meaning.REFUSED, "put these objects into an archive"),
    ("allow-multiple-definition", _N, Meaning.REFUSED, "two strong definitions of a name are an error here"),
    ("audit depaudit", _EQUALS, Meaning.REFUSED, "the loader has no part in this program"),
    # What describes the output file, or the linker's own work: nothing here.
    ("start-group end-group", _N, Meaning.IGNORED),  # archives are asked until nothing is missing
    ("""
     build-id color-diagnostics compress-debug-sections demangle error-handling-script icf lto orphan-handling
     pack-dyn-relocs power10-stubs repro separate-debug-file split-by-file split-by-reloc thinlto-index-only
     threads time-trace
     """, _MAYBE, Meaning.IGNORED),
    ("""
     Map architecture assert auxiliary build-id-chunk-size-for-treehash build-id-min-file-size-for-treehash
     call-graph-ordering-file chroot compress-sections ctf-share-types debug dependency-file dynamic-linker
     error-limit exclude-libs filter gpsize hash-bucket-empty-fraction hash-size hash-style icf-iterations
     ignore-unresolved-symbol incremental-base incremental-patch keep-unique load-pass-plugin lto-CGO lto-O
     lto-aa-pipeline lto-basic-block-sections lto-cs-profile-file lto-newpm-passes lto-obj-path lto-partitions
     lto-sample-profile max-cache-size mllvm opt-remarks-filename opt-remarks-format opt-remarks-hotness-threshold
     opt-remarks-passes out-implib package-metadata plugin plugin-opt print-archive-stats
     print-symbol-counts print-symbol-order remap-inputs remap-inputs-file reproduce retain-symbols-file
     rosegment-gap rpath-link section-ordering-file shuffle-sections soname sort-section spare-dynamic-tags
     split-stack-adjust-size stub-group-size symbol-ordering-file sysroot task-link thinlto-cache-dir
     thinlto-cache-policy thinlto-emit-imports-files thinlto-jobs thinlto-object-suffix-replace
     thinlto-prefix-replace thinlto-single-module thread-count thread-count-final thread-count-initial
     thread-count-middle time-trace-granularity trace-symbol undefined-glob undefined-version vfs
     version-exports-section version-script warn-backrefs-exclude why-extract why-live
     """, _EQUALS, Meaning.IGNORED),
    ("""
     Bgroup Bno-symbolic Bsymbolic Bsymbolic-functions Bsymbolic-non-weak Bsymbolic-non-weak-functions EB EL Qy
     accept-unknown-input-arch add-needed allow-shlib-undefined android-memtag-heap android-memtag-stack
     apply-dynamic-relocs call-graph-profile-sort check-sections copy-dt-needed-entries cref ctf-variables
     ctors-in-init-array debug-names default-imported-symver default-symver define-common dependent-libraries
     detach detect-odr-violations disable-linker-version disable-multiple-abs-defs discard-all discard-locals
     discard-none discard-sframe eh-frame-hdr embedded-relocs emit-relocs enable-linker-version
     enable-non-contiguous-regions enable-non-contiguous-regions-warnings error-execstack error-rwx-segments
     error-unresolved-symbols execute-only fat-lto-objects fatal-warnings fix-cortex-a53-835769
     fix-cortex-a53-843419 force-exe-suffix force-group-allocation fork fortran-common gc-keep-exported gdb-index
     gnu-unique help ignore-data-address-equality ignore-function-address-equality incremental incremental-changed
     incremental-full incremental-startup-unchanged incremental-unchanged incremental-unknown incremental-update
     keep-files-mapped keep-memory ld-generated-unwind-info lto-basic-block-address-map lto-cs-profile-generate
     lto-debug-pass-manager lto-emit-asm lto-emit-llvm lto-known-safe-vtables lto-pgo-warn-mismatch
     lto-unique-basic-block-section-names lto-validate-all-vtables-have-type-infos lto-whole-program-visibility
     long-plt map-whole-files mmap-output-file nmagic noinhibit-exec nostdlib omagic opt-remarks-with-hotness
     optimize-bb-jumps perf pic-executable pie posix-fallocate preread-archive-symbols print-dependencies
     print-gc-sections print-icf-sections print-map print-map-discarded print-map-locals print-memory-usage
     print-output-format print-sysroot qmagic quick-exit reduce-memory-overheads relax rosegment save-temps sframe
     sort-common stats strip-all strip-debug strip-debug-gdb strip-debug-non-line strip-discarded
     strip-lto-sections target-help text-reorder tls-optimize trace traditional-format unique use-android-relr-tags
     verbose version vs-diagnostics warn-alternate-em warn-backrefs warn-common warn-constructors warn-drop-version
     warn-execstack warn-execstack-objects warn-ifunc-textrel warn-mismatch warn-multiple-gp warn-once
     warn-rwx-segments warn-search-mismatch warn-section-align warn-shared-textrel warn-symbol-ordering
     warn-textrel warn-unresolved-symbols warnings weak-unresolved-symbols
     """, _N, Meaning.IGNORED),
    # GNU ld's manual, "Options specific to i386 PE targets": what the headers of a program of Windows say.
    ("""
     base-file dll-search-prefix heap major-image-version major-os-version major-subsystem-version minor-image-version
     minor-os-version minor-subsystem-version output-def pdb stack subsystem
     """, _EQUALS, Meaning.IGNORED),
    ("""
     add-stdcall-alias appcontainer bind disable-auto-image-base disable-auto-import disable-dynamicbase
     disable-high-entropy-va disable-large-address-aware disable-nxcompat disable-reloc-section
     disable-runtime-pseudo-reloc disable-stdcall-fixup disable-tsaware dynamicbase
     enable-auto-image-base enable-auto-import enable-extra-pe-debug enable-long-section-names enable-reloc-section
     enable-runtime-pseudo-reloc enable-stdcall-fixup exclude-all-symbols export-all-symbols forceinteg
     high-entropy-va insert-timestamp isolation kill-at large-address-aware leading-underscore nxcompat seh tsaware
     warn-duplicate-exports wdmdriver
     """, _N, Meaning.IGNORED),
])  # fmt: skip
"""Names of more than a letter, without their dashes; most that are ignored have an opposite that begins with no-."""

SHORT = OptionTable([
    *PASSED_ON,
    ("-E", _N, Meaning.EXPORT),
    ("-T -dT", _EITHER, Meaning.SCRIPT),
    ("-r -i -Ur", _N, Meaning.REFUSED, NO_FILE),
    ("-b -A", _EITHER, Meaning.REFUSED, "inputs are ELF objects, archives and libraries"),
    ("-( -)", _N, Meaning.IGNORED),
    ("-s -S -x -X -d -dc -dp -n -N -q -g -t -v -V -M -w", _N, Meaning.IGNORED),
    ("-O -G", _REST, Meaning.IGNORED),
    ("-o", _EITHER, Meaning.OUTPUT),
    ("-h -I -y -Y -m -a -c -f -F -P", _EITHER, Meaning.IGNORED),
])  # fmt: skip

KEYWORDS = {"muldefs": "two strong definitions of a name are an error here"}
"""Keywords of ``-z`` that are refused, and why; all others describe the output file."""

NEGATED = Option("no-", Takes.NOTHING, Meaning.IGNORED)
"""The opposite of an option that is ignored."""
_OPPOSITES = ("no-undefined", "no-allow-multiple-definition", "no-export-dynamic", "no-dynamic-linker")


def find(word: str) -> tuple[Option, str | None] | None:
    """Return the option that a word for the linker is, and its value as `OptionTable.find` has it.

    Returns None if it is none.
    """
    if word.startswith("--"):
        return _long(word[2:])
    if word.startswith("-"):
        match = _long(word[1:]) if not word.startswith("-o") else None
        return match or SHORT.find(word)
    return None


def _long(name: str) -> tuple[Option, str | None] | None:
    match = LONG.find(name)
    if match is None and name.startswith("no-"):
        match = LONG.find(name[3:].partition("=")[0])
        ignored = match is not None and match[0].meaning is Meaning.IGNORED
        return (NEGATED, None) if ignored or name in _OPPOSITES else None
    return match
