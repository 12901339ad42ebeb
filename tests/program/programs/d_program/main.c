// A program in D: its runtime finds the program's object by address, and its collector the program's data, thread-local
// data of each thread included.
//#requires: gdc
//#step: gdc -c -fPIC -o program.o -I{dir} {dir}/program.d
//#step: gdc -c -fPIC -O1 -o held.o {dir}/held.d
//#objects: main.o program.o held.o
//#link: -lgphobos -lgdruntime
//#exit: 3
int from_c(void) { return 41; }
