// Inline assembly with its own sections, local labels, subsections, @PLT, @GOTPCREL and symbol differences.
//#arch: x86_64
//#compilers: gcc clang
//#flags: -O1 -fPIC | -O1
#include <stdio.h>

__asm__(".pushsection .text.hand, \"ax\", @progbits\n"
        ".globl hand\n.type hand, @function\n"
        "hand: movq hand_data@GOTPCREL(%rip), %rax\n"
        "movl (%rax), %eax\nret\n"
        ".size hand, . - hand\n"
        ".popsection\n"
        ".pushsection .data.hand, \"aw\", @progbits\n"
        ".globl hand_data, hand_size\n"
        "hand_data: .long 55\n"
        "hand_size: .quad hand_end - hand_data\nhand_end:\n"
        ".popsection\n");
int hand(void);
extern long hand_size;
extern int hand_data;
extern const int fixups_start[] __asm__("__start_fixups"), fixups_stop[] __asm__("__stop_fixups");

static int with_table(int x)
{
    int result;
    __asm__("1: leal (%1,%1,2), %0\n"
            ".pushsection fixups, \"a\", @progbits\n"
            ".long 1b - .\n"
            ".long 2f - 1b\n"
            ".popsection\n"
            "2:" : "=r"(result) : "r"(x));
    return result;
}

__attribute__((noinline)) static int through_plt(const char *text)
{
    long result;
    __asm__ volatile("movq %%rsp, %%rbx\nandq $-16, %%rsp\nsubq $128, %%rsp\ncall puts@PLT\nmovq %%rbx, %%rsp"
                     : "=a"(result), "+D"(text) : : "rbx", "rcx", "rdx", "rsi", "r8", "r9", "r10", "r11", "memory",
                     "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7");
    return result >= 0;
}

int main(void)
{
    printf("%d %ld %d\n", hand(), hand_size, hand_data);
    printf("%d table %d\n", with_table(7), (int)(fixups_stop - fixups_start));
    fflush(stdout);
    printf("%d\n", through_plt("from assembly"));
    return 0;
}
