# The distance to a GOT slot, moved by the addend.
# kind: GOTDelta32
# moves: addend
# range: -0x80000000 0x7fffffff
# let: slot = near + 4 + ((*{4}near) + 0x80000000)[31:0] - 0x80000000
# jitlink-check: *{8}slot = target
# jitlink-check: *{4}site = (slot + addend - site)[31:0]
        .text
        .globl  site, near, target
target: ret
site:   .long   0
        .reloc  site, R_X86_64_GOTPCREL, target + 0x1122334455667788
near:   .long   0
        .reloc  near, R_X86_64_GOTPCREL, target - 4
