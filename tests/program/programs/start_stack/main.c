// A program with its own _start finds argc at the bottom of its stack, then argv, the environment and the auxiliary
// vector; it uses no library, as Free Pascal's programs do.
//#compilers: gcc clang
//#flags: -O1 -ffreestanding -fno-stack-protector
//#native: -nostdlib
//#uruk: -nostdlib
//#args: a "b c"
//#env: URUK_LAST=value
//#places: child wire here
//#exit: 3
typedef unsigned long word;

static void call(word number, word a, word b, word c)
{
#ifdef __x86_64__
    __asm__ volatile("syscall" : "+a"(number) : "D"(a), "S"(b), "d"(c) : "rcx", "r11", "memory");
#else
    register word x8 __asm__("x8") = number, x0 __asm__("x0") = a, x1 __asm__("x1") = b, x2 __asm__("x2") = c;
    __asm__ volatile("svc 0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2) : "memory");
#endif
}

#ifdef __x86_64__
enum { WRITE = 1, EXIT = 231 };
#else
enum { WRITE = 64, EXIT = 94 };
#endif

static void print(const char *text)
{
    word size = 0;
    while (text[size])
        size++;
    call(WRITE, 1, (word)text, size);
    call(WRITE, 1, (word) "\n", 1);
}

static int begins(const char *text, const char *with)
{
    while (*with && *text == *with)
        text++, with++;
    return !*with;
}

__attribute__((used)) void start(word *stack)
{
    char **argv = (char **)stack + 1, **variable = argv + stack[0] + 1;
    for (word i = 1; i < stack[0]; i++)
        print(argv[i]);
    for (; *variable; variable++)
        if (begins(*variable, "URUK_LAST="))
            print(*variable);
    for (const word *auxiliary = (word *)(variable + 1); auxiliary[0]; auxiliary += 2)
        if (auxiliary[0] == 6)
            print(auxiliary[1] == 4096 ? "pages of 4096 bytes" : "other pages");
    print((word)stack % 16 ? "odd" : "even");
    call(EXIT, stack[0], 0, 0);
}

#ifdef __x86_64__
__asm__(".globl _start\n_start: mov %rsp, %rdi\n and $-16, %rsp\n call start\n");
#else
__asm__(".globl _start\n_start: mov x0, sp\n bl start\n");
#endif
