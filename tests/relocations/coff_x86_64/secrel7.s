# An offset of seven bits in its section; the eighth bit stays.
# moves: text
# kind: SectionOffset7
# renumber: 11 12
# numbers: 0 16 95
# outside: 96 127
# jitlink-check: *{1}site = 32 + addend
# jitlink-check: *{1}(site + 1) = 0
        .data
        .globl  near, site
        .space  32
near:   .space  16
site:   .secrel32 near + NUMBER
