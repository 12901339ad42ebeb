# The distance to a GOT slot; with such addends no instruction is known, so nothing is relaxed.
# with: NAME=GOTPCRELX TYPE=R_X86_64_GOTPCRELX KIND=GOTDelta32Relaxable OTHER=R_X86_64_REX_GOTPCRELX
# with: NAME=REX_GOTPCRELX TYPE=R_X86_64_REX_GOTPCRELX KIND=GOTDelta32RelaxableREX OTHER=R_X86_64_GOTPCRELX
# kind: KIND
# moves: addend
# range: -0x80000000 0x7fffffff
# let: slot = other + ((*{4}other) + 0x80000000)[31:0] - 0x80000000
# jitlink-check: *{8}slot = target
# jitlink-check: *{4}site = (slot + addend - site)[31:0]
        .text
        .globl  site, other, target
target: ret
        .byte   0x48, 0x8b, 0x05
site:   .long   0
        .reloc  site, TYPE, target + 0x1122334455667788
        .byte   0x8b, 0x05
other:  .long   0
        .reloc  other, OTHER, target
