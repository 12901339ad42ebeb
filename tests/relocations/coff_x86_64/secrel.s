# An offset in its section, without a sign. The field holds the addend, so that only the lower edge is in reach: it has a sign.
# moves: text
# kind: SectionOffset32
# numbers: 0 16 0x7fffffff
# outside: 0xffffff00
# jitlink-check: *{4}site = (*{4}start) + addend + near - first
        .data
        .globl  first, near, site, start
first:  .space  16
near:   .space  16
start:  .secrel32 first
site:   .secrel32 near + NUMBER
