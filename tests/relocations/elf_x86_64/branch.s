# A call whose target is part of the batch: there is no stub to go through.
# kind: BranchPCRel32
# moves: absolute target
# range: -0x80000000 0x7fffffff
# jitlink-check: *{4}site = (target - (site + 4))[31:0]
# jitlink-check: *{1}(site - 1) = 0xe8
        .text
        .globl  site
        .byte   0xe8
site:   .long   0
        .reloc  site, R_X86_64_PLT32, target - 4
        ret
