// Boehm's collector takes linked variables for roots: objects that only these hold are not freed.
//#compilers: gcc clang
//#link: {lib}/libgc.so
//#native: -Wl,-rpath,{lib}
#include <gc.h>
#include <stdio.h>

struct node {
    struct node *next;
    int value;
};
static struct node *in_bss, *in_data = (struct node *)1;

__attribute__((noinline)) static void build(struct node **head) {
    for (int i = 0; i < 1000; i++) {
        struct node *node = GC_MALLOC(sizeof *node);
        node->value = i;
        node->next = *head;
        *head = node;
    }
}

__attribute__((noinline)) static void churn(void) {
    for (int round = 0; round < 20; round++) {
        for (int i = 0; i < 20000; i++) {
            volatile int *word = GC_MALLOC(16);
            word[0] = word[1] = word[2] = word[3] = -1;
        }
        GC_gcollect();
    }
}

static void print(struct node *head) {
    int count = 0;
    long sum = 0;
    for (; head && count < 2000; head = head->next) {
        if ((long)head == -1 || head->value < 0) {
            puts("corrupt");
            return;
        }
        count++;
        sum += head->value;
    }
    printf("%d %ld\n", count, sum);
}

int main(void) {
    GC_INIT();
    in_data = 0;
    build(&in_bss);
    build(&in_data);
    churn();
    print(in_bss);
    print(in_data);
    return 0;
}
