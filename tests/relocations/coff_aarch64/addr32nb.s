# An offset in the image, without a sign.
# kind: ImageOffset32
# moves: define target
# range: 0 0xffffffff
# let: base = *{8}image
# jitlink-check: *{4}site = target + 4 - base
        .data
        .globl  site, image
image:  .quad   __ImageBase
        .space  3
site:   .rva   target + 4
