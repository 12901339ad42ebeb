# A symbol's, or its stub's, distance from the GOT; a symbol within the module needs no stub. No edge.
# let: table = got + *{8}got
# jitlink-check: *{8}site = target + 5 - table
# jitlink-check: *{8}plt = target - table
        .text
        .globl  site, plt, got, target
target: ret
site:   .quad   0
        .reloc  site, R_X86_64_GOTOFF64, target + 5
plt:    .quad   0
        .reloc  plt, R_X86_64_PLTOFF64, target
got:    .quad   0
        .reloc  got, R_X86_64_GOTPC64, _GLOBAL_OFFSET_TABLE_
