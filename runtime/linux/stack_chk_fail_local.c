/* __stack_chk_fail_local, as libc_nonshared.a has it: the stack protector's failure call for code without a PLT. */

extern void __stack_chk_fail(void) __attribute__((noreturn));

void __stack_chk_fail_local(void)
{
    __stack_chk_fail();
}
