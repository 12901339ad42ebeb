static _Thread_local int room[5000] = {[4999] = 7};

int room_sum(int start)
{
    int sum = 0;
    for (int i = 0; i < 4999; i++)
        room[i] += start + i % 3;
    for (int i = 0; i < 5000; i++)
        sum += room[i];
    return sum;
}
