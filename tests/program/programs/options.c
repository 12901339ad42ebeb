// One program under the options that change the shape of code: levels, protections, sections, debug information.
//#compilers: gcc clang
//#flags: -O3 | -Os | -O2 -fstack-protector-all | -O2 -fcf-protection=full | -O2 -fcf-protection=none | -O2 -ffunction-sections -fdata-sections | -g3 -gz | -O2 -g -gdwarf-5 | -O2 -D_FORTIFY_SOURCE=3 | -O2 -fno-plt | -O1 -fno-asynchronous-unwind-tables | -O2 -march=x86-64-v3 | -O2 -fno-omit-frame-pointer -mno-red-zone | -O1 -pg | -O1 -finstrument-functions | -O2 -fpatchable-function-entry=5,2 | -O2 -mindirect-branch=thunk -fcf-protection=none | -O1 -g -gdwarf64 -fPIC | -O1 -g -gsplit-dwarf | -O1 -Wa,-mrelax-relocations=no -fPIC
//#flags[clang]: -O3 | -Oz | -O2 -fstack-protector-all | -O2 -ffunction-sections -fdata-sections -fno-unique-section-names | -g3 -gz | -O2 -fno-plt | -O2 -faddrsig | -O2 -fno-integrated-as | -O2 -fsplit-machine-functions | -O2 -fbasic-block-sections=all | -O2 -mretpoline | -O1 -g -gdwarf64 -fPIC | -O1 -fpatchable-function-entry=5,2 | -O2 -fPIC -fdirect-access-external-data
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct node { struct node *left, *right; char key[16]; int count; };
static int made;

__attribute__((noinline)) static struct node *insert(struct node *n, const char *key)
{
    if (!n) {
        n = calloc(1, sizeof *n);
        strcpy(n->key, key);
        n->count = 1;
        made++;
        return n;
    }
    int order = strcmp(key, n->key);
    if (order == 0)
        n->count++;
    else if (order < 0)
        n->left = insert(n->left, key);
    else
        n->right = insert(n->right, key);
    return n;
}

static void show(const struct node *n, int depth)
{
    if (!n)
        return;
    show(n->left, depth + 1);
    printf("%*s%s %d\n", depth, "", n->key, n->count);
    show(n->right, depth + 1);
}

int main(void)
{
    char text[] = "the quick brown fox jumps over the lazy dog and the other fox";
    char copy[sizeof text];
    struct node *root = NULL;
    memcpy(copy, text, sizeof text);
    for (char *word = strtok(copy, " "); word; word = strtok(NULL, " "))
        root = insert(root, word);
    show(root, 0);
    double mean = 0;
    for (int i = 0; text[i]; i++)
        mean += text[i];
    printf("%d words, mean %.6f\n", made, mean / strlen(text));
    char buffer[8];
    snprintf(buffer, sizeof buffer, "%s", text);
    puts(buffer);
    return 0;
}
