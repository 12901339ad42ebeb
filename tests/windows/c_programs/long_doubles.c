#include <math.h>
#include <stdio.h>
#include <stdlib.h>

int main(void) {
    volatile long double third = 1.0L;
    third /= 3;
    printf("[%Lf|%.20Lf|%Le|%d]\n", (long double)1.25, third, third * 1e10L, (int)sizeof third);
    printf("%.18Lf %.18Lf\n", sqrtl(2), strtold("0.1", 0));
    printf("%lld %zu %.3Lg\n", (long long)(third * 9e18L), sizeof(long double), powl(10, -4000));
    return 0;
}
