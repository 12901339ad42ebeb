/* GNU C's nested functions, and Fortran's internal procedures, are called by address through a few instructions that
 * the enclosing function writes on the stack: load the function and its enclosing frame into registers, jump. No stack is
 * executable here. The fault of the jump into it is caught, and what those instructions do is done to the registers.
 *
 * The instructions are those of gcc (config/i386/i386.cc, config/aarch64/aarch64.cc: *_trampoline_init) and LLVM; nothing
 * else on a stack is run. */

#ifndef URUK_TRAMPOLINE_H
#define URUK_TRAMPOLINE_H

#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

#if defined __x86_64__

/* The next move of a constant to %r10 or %r11; returns how long it is, 0 if there is none. */
static inline int move_of_trampoline(const unsigned char *code, greg_t *to10, greg_t *to11)
{
    int wide = code[0] == 0x49, which = code[1];
    if ((!wide && code[0] != 0x41) || (which != 0xba && which != 0xbb))
        return 0;
    uint64_t value = 0;
    memcpy(&value, code + 2, wide ? 8 : 4);
    *(which == 0xba ? to10 : to11) = (greg_t)value;
    return wide ? 10 : 6;
}

/* endbr64 (perhaps); movabs $function, %r11; movabs $frame, %r10; jmp *%r11 */
static inline int step_over_trampoline(ucontext_t *context)
{
    static const unsigned char landing[] = {0xf3, 0x0f, 0x1e, 0xfa}, jump[] = {0x49, 0xff, 0xe3};
    greg_t *registers = context->uc_mcontext.gregs, to10 = registers[REG_R10], to11 = registers[REG_R11];
    const unsigned char *code = (const unsigned char *)registers[REG_RIP];
    int moves = 0, size;
    if (!memcmp(code, landing, sizeof landing))
        code += sizeof landing;
    for (; (size = move_of_trampoline(code, &to10, &to11)); code += size)
        if (++moves > 2)
            return 0;
    if (moves != 2 || memcmp(code, jump, sizeof jump))
        return 0;
    registers[REG_R10] = to10;
    registers[REG_R11] = registers[REG_RIP] = to11;
    return 1;
}

static inline uint64_t pc_of(const ucontext_t *context)
{
    return (uint64_t)context->uc_mcontext.gregs[REG_RIP];
}

static inline uint64_t sp_of(const ucontext_t *context)
{
    return (uint64_t)context->uc_mcontext.gregs[REG_RSP];
}

#elif defined __aarch64__

/* bti c (perhaps); ldr x17, function; ldr x18, frame; br x17 */
static inline int step_over_trampoline(ucontext_t *context)
{
    enum { NOP = 0xd503201f, BTI_C = 0xd503245f, LDR = 0x58, BR = 0xd61f0000 };
    uint64_t loaded[32];
    uint32_t known = 0;
    const uint32_t *code = (const uint32_t *)context->uc_mcontext.pc;
    for (int step = 0; step < 5; step++) {
        uint32_t word = code[step], number = word & 31;
        if (word >> 24 == LDR) {
            uint32_t distance = word >> 5 & 0x7ffff; /* in words, and forward */
            if (number == 31 || distance + step > 12)
                return 0;
            memcpy(&loaded[number], code + step + distance, 8);
            known |= 1u << number;
        } else if ((word & 0xfffffc1f) == BR) {
            number = word >> 5 & 31;
            if (!(known >> number & 1))
                return 0;
            for (int each = 0; each < 31; each++)
                if (known >> each & 1)
                    context->uc_mcontext.regs[each] = loaded[each];
            context->uc_mcontext.pc = loaded[number];
            return 1;
        } else if (word != NOP && word != BTI_C) {
            return 0;
        }
    }
    return 0;
}

static inline uint64_t pc_of(const ucontext_t *context)
{
    return context->uc_mcontext.pc;
}

static inline uint64_t sp_of(const ucontext_t *context)
{
    return context->uc_mcontext.sp;
}

#endif

/* Whether 16 bytes can be read: the kernel copies them before it finds that there is no such resource. */
static inline int is_readable(uint64_t address)
{
    enum { NO_RESOURCE = 1000 };
    int before = errno;
    int readable = !syscall(SYS_prlimit64, 0, NO_RESOURCE, address, 0) || errno != EFAULT;
    errno = before;
    return readable;
}

/* Whether a fault was a jump to a trampoline in a frame above; then the thread goes on in its function. */
static inline int run_trampoline(int number, const siginfo_t *info, void *context)
{
    uint64_t pc = pc_of(context), sp = sp_of(context);
    if (number != SIGSEGV || info->si_code != SEGV_ACCERR || (uint64_t)info->si_addr != pc)
        return 0;
    return pc >= sp && pc % 4 == 0 && is_readable(pc) && is_readable(pc + 16) && step_over_trampoline(context);
}

#endif
