"""The options of compilers' drivers (gcc, clang) as they stand on link lines, and what each means here."""

from __future__ import annotations

from uruk.cli.options import NO_FILE, PASSED_ON, Meaning, OptionTable, Takes

_N, _REST, _WORD, _EITHER, _EQUALS = Takes.NOTHING, Takes.REST, Takes.WORD, Takes.EITHER, Takes.EQUALS
_STEP = "uruk run goes all the way to a running program"

DRIVER = OptionTable([
    *PASSED_ON,
    ("-Wl,", _REST, Meaning.LINKER),
    ("-Xlinker --for-linker", _WORD, Meaning.LINKER),
    ("--for-linker=", _REST, Meaning.LINKER),
    ("-o --output", _EITHER, Meaning.OUTPUT),
    ("--output=", _REST, Meaning.OUTPUT),
    ("--library-directory", _EQUALS, Meaning.DIRECTORY),
    ("-rpath", _WORD, Meaning.RPATH),
    ("-rdynamic", _N, Meaning.EXPORT),
    ("-export-dynamic", _N, Meaning.EXPORT),  # not -e: gcc gives the word to the linker as it is
    ("-static -static-pie --static", _N, Meaning.ALL_STATIC),
    ("-static-libstdc++", _N, Meaning.STATIC_CXX),
    ("-nostartfiles", _N, Meaning.NO_START_FILES),
    ("-nostdlib", _N, Meaning.NO_STANDARD),
    ("-nodefaultlibs -nostdlib++", _N, Meaning.NO_DEFAULT_LIBRARIES),
    # What is refused: one line says why.
    ("-shared --shared -r", _N, Meaning.REFUSED, NO_FILE),
    ("-T", _EITHER, Meaning.SCRIPT),
    ("""
     -c -S -E -M -MM -fsyntax-only --compile --assemble --preprocess -emit-llvm
     """, _N, Meaning.REFUSED, _STEP),
    ("-x", _EITHER, Meaning.REFUSED, "the suffix of a source tells its language"),
    # Flags whose runtime the driver adds.
    ("""
     -fopenmp -fsanitize= -fprofile-generate -fprofile-instr-generate -fcs-profile-generate -fprofile-arcs
     -ftree-parallelize-loops=
     """, _REST, Meaning.RUNTIME),
    ("""
     --coverage -coverage -pg -p -fsplit-stack -fopenacc -fcoarray=lib -shared-libasan -shared-libsan -fno-openmp
     -fxray-instrument -fgnu-tm
     """, _N, Meaning.RUNTIME),
    # What describes the file that is linked, or how the driver works: nothing here.
    ("""
     -pie -no-pie -nopie -s -symbolic -t -n -N -v -### -Q -pipe -nolibc -dynamic -shared-libgcc -static-libgcc
     -static-libgfortran -static-libquadmath -static-libgm2 -static-libgo -static-libphobos -static-libasan
     -static-libtsan -static-liblsan -static-libubsan -static-libsan -static-openmp -pass-exit-codes
     -no-canonical-prefixes -canonical-prefixes -no-integrated-cpp -Bsymbolic -Bstatic -Bdynamic --pie --no-pie
     """, _N, Meaning.IGNORED),
    ("""
     -fuse-ld= --ld-path= -rtlib= --rtlib= -unwindlib= --unwindlib= -specs= --specs= -flto -fno-lto
     -fuse-linker-plugin -fno-use-linker-plugin -ffat-lto-objects -fno-fat-lto-objects -save-temps --save-temps
     -foffload= -fwhole-program --gcc-toolchain= --gcc-install-dir=
     """, _REST, Meaning.IGNORED),
    ("-B", _EITHER, Meaning.IGNORED),
    ("-dumpbase -dumpbase-ext -dumpdir -wrapper -aux-info", _WORD, Meaning.IGNORED),
    # What is the compiler's: it is ignored where no input is a source.
    ("-stdlib=", _REST, Meaning.LANGUAGE_LIBRARY),
    ("""
     -O -g -std= --std= -f -m -W -Wa, -Wp, --param= --sysroot= -ftemplate-depth-
     """, _REST, Meaning.COMPILER),
    ("-I -D -U", _EITHER, Meaning.COMPILER),
    ("""
     -include -imacros -isystem -iquote -idirafter -iprefix -iwithprefix -iwithprefixbefore -isysroot -imultilib
     -target -Xpreprocessor -Xassembler -Xclang -Xarch_host -mllvm -MF -MT -MQ
     """, _WORD, Meaning.COMPILER),
    ("--param --sysroot", _WORD, Meaning.COMPILER),
    ("""
     -pthread -pthreads -w -ansi -pedantic -pedantic-errors -nostdinc -nostdinc++ -undef -MD -MMD -MP -MG -MV
     -trigraphs -traditional-cpp -P -C -CC -H -no-integrated-as -integrated-as -Qunused-arguments -Qn -Qy
     """, _N, Meaning.COMPILER),
])  # fmt: skip
