# The number of a section: that of its neighbours in it.
# jitlink-check: *{2}site = *{2}again
# jitlink-check: (*{2}site) - *{2}other = 1
        .section .rdata,"dr"
        .globl  near
near:   .space  16
        .data
        .globl  site, again, other, here
here:   .space  16
site:   .secidx here
again:  .secidx again
other:  .secidx near
