// Initialisers get argc, argv and envp; .preinit_array comes first, .ctors run from the end, mixed with .init_array.
//#args: x yy
//#env: URUK_TEST_A=a
#include <stdio.h>
#include <string.h>

static void show(const char *who, int argc, char **argv, char **envp)
{
    int found = 0;
    for (; *envp; envp++)
        found += !strncmp(*envp, "URUK_TEST_", 10);
    printf("%s %d %s %d\n", who, argc, argv[argc - 1], found);
}

static void pre(int argc, char **argv, char **envp) { show("preinit", argc, argv, envp); }
static void init(int argc, char **argv, char **envp) { show("init", argc, argv, envp); }
static void ctor_a(void) { puts("ctors a"); }
static void ctor_b(void) { puts("ctors b"); }
static void dtor_a(void) { puts("dtors a"); }
static void dtor_b(void) { puts("dtors b"); }

typedef void function(int, char **, char **);
__attribute__((section(".preinit_array"), used)) static function *pre_entry = pre;
__attribute__((section(".init_array"), used)) static function *init_entry = init;
__attribute__((section(".ctors"), used)) static void (*ctor_1)(void) = ctor_a;
__attribute__((section(".ctors"), used)) static void (*ctor_2)(void) = ctor_b;
__attribute__((section(".dtors"), used)) static void (*dtor_1)(void) = dtor_a;
__attribute__((section(".dtors"), used)) static void (*dtor_2)(void) = dtor_b;

__attribute__((constructor)) static void normal(int argc, char **argv, char **envp)
{
    show("constructor", argc, argv, envp);
}

int main(void)
{
    puts("main");
    return 0;
}
