"""Types of functions and variables, read from debug information (DWARF) and LLVM IR when somebody asks for them."""
