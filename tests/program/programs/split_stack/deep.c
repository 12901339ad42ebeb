int deep(int n)
{
    volatile char room[500];
    room[0] = (char)n;
    return n ? deep(n - 1) + room[0] * 0 + 1 : 0;
}

void *deep_thread(void *depth) { return (void *)(long)deep((int)(long)depth); }
