// As own_names.c, in a program that shows its names: dlsym finds all of them.
//#sources: own_names.c
//#compilers: gcc clang
//#flags: @pic
//#link: -rdynamic -ldl
//#places: child wire
