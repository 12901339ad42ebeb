/* `operator new` and `operator delete` as Microsoft's C++ names them, over the program's own `malloc`. */

#include <stddef.h>
#include <windows.h>

extern void *malloc(size_t size);
extern void free(void *memory);

void *operator_new(size_t size) __asm__("??2@YAPEAX_K@Z");
void *operator_new_array(size_t size) __asm__("??_U@YAPEAX_K@Z");
void operator_delete(void *memory) __asm__("??3@YAXPEAX@Z");
void operator_delete_sized(void *memory, size_t size) __asm__("??3@YAXPEAX_K@Z");
void operator_delete_array(void *memory) __asm__("??_V@YAXPEAX@Z");
void operator_delete_array_sized(void *memory, size_t size) __asm__("??_V@YAXPEAX_K@Z");

/* There is no std::bad_alloc without a C++ library: without memory the process ends with STATUS_NO_MEMORY. */
void *operator_new(size_t size)
{
    void *memory = malloc(size ? size : 1);
    if (!memory)
        RaiseException(STATUS_NO_MEMORY, EXCEPTION_NONCONTINUABLE, 0, 0);
    return memory;
}

void *operator_new_array(size_t size)
{
    return operator_new(size);
}

void operator_delete(void *memory)
{
    free(memory);
}

void operator_delete_sized(void *memory, size_t size)
{
    (void)size;
    free(memory);
}

void operator_delete_array(void *memory)
{
    free(memory);
}

void operator_delete_array_sized(void *memory, size_t size)
{
    (void)size;
    free(memory);
}
