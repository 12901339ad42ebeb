"""Sources and LLVM IR to object bytes: C and C++ by a compiler of the machine, IR by llvmlite, and a cache of both."""
