// OpenMP: parallel loops, reductions, tasks, critical sections, threadprivate copies; libgomp and libomp.
//#compilers: gcc clang
//#flags[gcc]: -O2 -fopenmp | -O0 -fopenmp -fPIC
//#flags[clang]: -O2 -fopenmp=libomp -I/usr/lib/llvm-19/lib/clang/19/include
//#native: -fopenmp
//#link[gcc]: -lgomp
//#link[clang]: -L/usr/lib/llvm-19/lib -lomp
//#env: OMP_NUM_THREADS=4 OMP_DYNAMIC=false
#include <omp.h>
#include <stdio.h>

static int own = 1;
#pragma omp threadprivate(own)

static long fibonacci(int n)
{
    long a, b;
    if (n < 2)
        return n;
#pragma omp task shared(a) if (n > 10)
    a = fibonacci(n - 1);
    b = fibonacci(n - 2);
#pragma omp taskwait
    return a + b;
}

int main(void)
{
    long sum = 0, result = 0, seen = 0, privates = 0;
    int ordered[16], count = 0;
#pragma omp parallel for reduction(+ : sum) schedule(dynamic, 100)
    for (int i = 0; i < 100000; i++)
        sum += i % 7;
#pragma omp parallel num_threads(3)
    {
#pragma omp critical
        seen++;
        own += omp_get_thread_num();
#pragma omp barrier
#pragma omp atomic
        privates += own;
#pragma omp single
        result = fibonacci(16);
    }
#pragma omp parallel for ordered
    for (int i = 0; i < 16; i++)
#pragma omp ordered
        ordered[count++] = i;
    printf("%ld %ld %ld %ld %d\n", sum, seen, privates, result, omp_get_max_threads());
    for (int i = 0; i < 16; i++)
        printf("%d ", ordered[i]);
    puts("");
    return 0;
}
