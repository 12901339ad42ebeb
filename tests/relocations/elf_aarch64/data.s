# Addresses and distances as data. Those of 32 and 16 bits may have a sign or none (AAELF64, 5.7.3).
# with: NAME=ABS32 TYPE=258 KIND=Pointer32 LOW=-0x80000000 HIGH=0xffffffff W=4 BITS=31 FROM=0
# with: NAME=ABS16 TYPE=259 KIND=Pointer16 LOW=-0x8000 HIGH=0xffff W=2 BITS=15 FROM=0
# with: NAME=PREL32 TYPE=261 KIND=Delta32 LOW=-0x80000000 HIGH=0xffffffff W=4 BITS=31 FROM=site
# with: NAME=PREL16 TYPE=262 KIND=Delta16 LOW=-0x8000 HIGH=0xffff W=2 BITS=15 FROM=site
# with: NAME=PLT32 TYPE=314 KIND=BranchDelta32 LOW=-0x80000000 HIGH=0x7fffffff W=4 BITS=31 FROM=site
# kind: KIND
# range: LOW HIGH
# moves: addend
# symbol: near
# renumber: 0 TYPE
# jitlink-check: *{W}site = (near + addend - FROM)[BITS:0]
        .data
        .globl  site, near
        .balign 16
near:   .skip   16
        .skip   3
site:   .skip   W
        .reloc  site, R_AARCH64_NONE, near + 0x1122334455667788
