// Boehm's collector linked in: linked code asks dl_iterate_phdr for roots.
//#sources: collector.c
//#compilers: gcc clang
//#link: {lib}/libgc.a -lpthread -ldl
