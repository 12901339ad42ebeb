# The same in 64 bits; a slot for a function's PLT entry is the same slot. No edge.
# let: slot = got + (*{8}got) + *{8}site
# jitlink-check: *{8}slot = target
# jitlink-check: *{8}plt = *{8}site
        .text
        .globl  site, plt, got, target
target: ret
site:   .quad   0
        .reloc  site, R_X86_64_GOT64, target
plt:    .quad   0
        .reloc  plt, R_X86_64_GOTPLT64, target
got:    .quad   0
        .reloc  got, R_X86_64_GOTPC64, _GLOBAL_OFFSET_TABLE_
