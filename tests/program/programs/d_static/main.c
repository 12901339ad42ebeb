// D's runtime and library linked in: what asks the loader for thread-locals is linked code itself.
//#requires: gdc
//#arch: x86_64
//#step: gdc -c -o program.o {dir}/../d_program/program.d -I{dir}/../d_program
//#step: gdc -c -O1 -o held.o {dir}/../d_program/held.d
//#objects: main.o program.o held.o
//#link-command: gdc -print-file-name=libgphobos.a
//#link-command: gdc -print-file-name=libgdruntime.a
//#link: -lz -lm
//#exit: 3
int from_c(void) { return 41; }
