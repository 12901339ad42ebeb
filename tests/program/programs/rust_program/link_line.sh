# Print what rustc hands to the linker: its objects, then the standard library in the order of its dependencies (which
# are not the same in every version). The arguments start rustc.
ls words.*.rcgu.o
folder=$("$@" --print target-libdir)
for name in std panic_unwind object memchr addr2line gimli cfg_if rustc_demangle std_detect hashbrown \
    rustc_std_workspace_alloc miniz_oxide adler adler2 unwind libc alloc rustc_std_workspace_core core compiler_builtins
do
    ls "$folder/lib$name"-*.rlib 2>/dev/null
done
