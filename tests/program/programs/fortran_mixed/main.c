// C main with Fortran procedures by bind(C), a common block, and an array passed both ways.
//#sources: main.c numeric.f90
//#link: -lm
#include <stdio.h>

double norm(const double *v, int n);
void scale(double *v, int n, double by);
extern struct { int calls; double last; } shared_block;
double from_fortran(double x) { return x * 10; }

int main(void)
{
    double v[] = {3, 4, 12};
    printf("%g\n", norm(v, 3));
    scale(v, 3, 2);
    printf("%g %g %g\n", v[0], v[1], v[2]);
    printf("%d %g\n", shared_block.calls, shared_block.last);
    return 0;
}
