"""uruk-jitlink: the command line of LLVM's `llvm-jitlink`, for uruk. `uruk.jitlink.main` is the program."""
