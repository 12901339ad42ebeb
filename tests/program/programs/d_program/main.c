// A program in D: its runtime finds the program's object by address, and its collector the program's data.
//#requires: gdc
//#arch: x86_64
//#places: child wire
//#step: gdc -c -o program.o {dir}/program.d
//#objects: main.o program.o
//#link: -lgphobos -lgdruntime
//#exit: 3
int from_c(void) { return 41; }
