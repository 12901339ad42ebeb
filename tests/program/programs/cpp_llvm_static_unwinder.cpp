// The same with LLVM's C++ library and unwinder linked in: they find frames by dl_iterate_phdr alone.
//#sources: cpp_llvm_unwinder.cpp
//#compilers: clang
//#flags: -stdlib=libc++ | -stdlib=libc++ -O2 -fPIC
//#link: {lib}/libc++.a {lib}/../llvm-19/lib/libc++abi.a {lib}/libunwind.a
//#native: -nostdlib++
//#exit: 3
