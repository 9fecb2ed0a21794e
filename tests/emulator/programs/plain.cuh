// Plain kernels, as programs of users have them, and how they are launched.
#pragma once

#include <cuda_runtime.h>

namespace programs {

void scale(float const* x, float* y, int n, float factor, cudaStream_t stream);
/// c = a b, all [n, n] row-major, by tiles in shared memory; any n.
void multiply(float const* a, float const* b, float* c, int n);
/// y[i] = the sum of expf(x) over row i of [rows, cols], by shuffles.
void sum_of_exponentials(float const* x, float* y, int rows, int cols);
/// counts[v] += 1 for each of n values v.
void histogram(int const* values, int n, unsigned* counts);
/// y[i] = pow(x[i], 2.5) through a function that is not inlined.
void power(double const* x, double* y, int n);
/// y[i] = table[x[i]], a __constant__ table of 8 doubles.
void look_up(int const* x, double* y, int n);
void set_table(double const* table);
/// y[i] depends on x[i] by a switch that becomes a table of branches.
void choose(int const* x, int* y, int n);

}  // namespace programs
