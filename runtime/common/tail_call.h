/* `TAIL_CALL return f(x);`: a jump, so that `f` sees the return address of its caller's caller. */
#ifndef URUK_TAIL_CALL_H
#define URUK_TAIL_CALL_H

#if defined __clang__ || __GNUC__ >= 15
#define TAIL_CALL __attribute__((musttail))
#else
#define TAIL_CALL /* gcc makes it a jump with -O2, as the frame of this function is not needed by then */
#endif

#endif
