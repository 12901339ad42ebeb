# Where in the GOT a slot lies.
# kind: GOTOffset32
# moves: addend
# range: -0x80000000 0x7fffffff
# let: slot = got + (*{8}got) + ((*{4}site) + 0x80000000)[31:0] - 0x80000000 - addend
# jitlink-check: *{8}slot = target
        .text
        .globl  site, got, target
target: ret
site:   .long   0
        .reloc  site, R_X86_64_GOT32, target + 0x1122334455667788
got:    .quad   0
        .reloc  got, R_X86_64_GOTPC64, _GLOBAL_OFFSET_TABLE_
