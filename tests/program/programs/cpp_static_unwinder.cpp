// Exceptions by an unwinder that is linked itself, from libgcc_eh.a: it finds frames by dl_iterate_phdr alone.
//#sources: cpp_llvm_unwinder.cpp
//#compilers: gcc clang
//#flags: -O1 | -O2 -fPIC
//#native: -static-libstdc++ -static-libgcc
//#link-command: {cc} -print-file-name=libstdc++.a
//#link-command: {cc} -print-file-name=libgcc_eh.a
//#exit: 3
