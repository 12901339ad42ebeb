#include <errno.h>
#include <math.h>
#include <stdio.h>

static double number(double value) {
    volatile double hidden = value;
    return hidden;
}

int main(void) {
    double root = sqrt(number(-1)), logarithm = log(number(0)), power = pow(number(10), number(400));
    printf("%d %d %d\n", root != root, logarithm < 0 && logarithm * 2 == logarithm, power > 1e308);
    errno = 0;
    double more = exp(number(10000));
    printf("%d\n", more > 1e308 && errno != 12345);
    printf("%.6f %.6f %.6f %.6f\n", atan2(number(1), number(2)), cosh(number(1)), log10(number(1000)), ceil(number(-1.5)));
    printf("%.6f %.6f %.6f\n", fmod(number(10), number(3)), tan(number(0.5)), asin(number(0.5)));
    int exponent;
    double whole, part = modf(number(-3.75), &whole), fraction = frexp(number(48), &exponent);
    printf("%g %g %g %d %g\n", whole, part, fraction, exponent, ldexp(number(0.75), 4));
    printf("%d %d\n", (int)floor(number(2.7)), (int)number(-2.7));
    return 0;
}
