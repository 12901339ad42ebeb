# A call whose target is part of the batch: there is no stub to go through.
# kind: BranchPCRel32
# absolute: target
# start: near
# low: site + 4 - 0x80000000
# high: site + 4 + 0x7fffffff
# check: i32(site) == target - (site + 4)
# check: u8(site - 1) == 0xe8
        .text
        .globl  site
        .byte   0xe8
site:   .long   0
        .reloc  site, R_X86_64_PLT32, target - 4
        ret
