__thread int library_value = 1000;
__thread long library_zero;

int library_next(void)
{
    library_zero += 5;
    return ++library_value;
}
