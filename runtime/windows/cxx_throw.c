/* `_CxxThrowException` of Microsoft's C++. That of a DLL takes the image that the type's description lies in from the
 * loader, which knows nothing of linked code; offsets there count from where the slab begins. */

#include <stdint.h>
#include <windows.h>

#define EXPORTED __attribute__((visibility("default")))
#define CXX_EXCEPTION 0xE06D7363
#define MAGIC 0x19930520

extern uint64_t uruk_rt_image_base(uint64_t address);

EXPORTED void uruk_rt_cxx_throw(void *object, void *info)
{
    void *base = 0;
    if (info && !(base = (void *)uruk_rt_image_base((uint64_t)info)))
        RtlPcToFileHeader(info, &base);
    /* Without a description the exception in hand is thrown again, and no offset counts. */
    ULONG_PTR words[] = {MAGIC, (ULONG_PTR)object, (ULONG_PTR)info, (ULONG_PTR)base};
    RaiseException(CXX_EXCEPTION, EXCEPTION_NONCONTINUABLE, 4, words);
}
