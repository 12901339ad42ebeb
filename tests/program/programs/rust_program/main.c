// A Rust binary that calls C: rustc's own objects and allocator shim, and the standard library's .rlib archives.
//#step: {rustc} --edition=2021 -O -C save-temps -C link-arg=main.o -o words {dir}/words.rs
//#link-command: sh {dir}/link_line.sh {rustc}
//#link: -lgcc_s -lutil -lrt -lpthread -lm -ldl -lc
//#args: b a "c d"
//#exit: 101
//#env: RUST_BACKTRACE=0
int c_square(int x) { return x * x; }
