void through_c(void (*function)(void *), void *data, int depth)
{
    if (depth)
        through_c(function, data, depth - 1);
    else
        function(data);
}
