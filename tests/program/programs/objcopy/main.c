// Objects changed by objcopy: renamed sections, a prefix on symbols, weakened, localised, globalised, data from a file.
//#arch: x86_64
//#compilers: gcc clang
//#flags: -O1 -ffunction-sections | -O1 -fPIC
//#step: objcopy --rename-section .data=.data.renamed --rename-section .text=.text.moved,alloc,load,readonly,code,contents part.o
//#step: objcopy --prefix-symbols=pre_ --weaken-symbol=pre_weakened --localize-symbol=pre_private part.o
//#step: objcopy --globalize-symbol=was_static --redefine-sym renamed=new_name other.o
//#step: objcopy --localize-hidden other.o
//#step: strip --strip-unneeded part.o
//#step: sh -c "cp {dir}/blob.txt blob.txt && objcopy -I binary -O elf64-x86-64 --add-section .note.GNU-stack=/dev/null blob.txt blob.o"
//#objects: main.o part.o other.o blob.o
#include <stdio.h>

int pre_sum(int), pre_weakened(void), was_static(int), new_name(int), private(void);
extern const char _binary_blob_txt_start[], _binary_blob_txt_end[];
int pre_weakened(void) { return 1000; }
int pre_outside(int x) { return x + 7; }
int private(void) { return 5; }

int main(void)
{
    printf("%d %d %d %d %d\n", pre_sum(1), pre_weakened(), was_static(3), new_name(4), private());
    printf("%.*s\n", (int)(_binary_blob_txt_end - _binary_blob_txt_start), _binary_blob_txt_start);
    return 0;
}
