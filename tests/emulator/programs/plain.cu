#include "tests/emulator/programs/plain.cuh"

namespace programs {
namespace {

constexpr int kTile = 16;
__constant__ double table_of_8[8];

__global__ void scale_kernel(float const* x, float* y, int n, float factor) {
  for (int i = blockIdx.x * blockDim.x + threadIdx.x; i < n; i += gridDim.x * blockDim.x) {
    y[i] = x[i] * factor;
  }
}

__global__ void multiply_kernel(float const* a, float const* b, float* c, int n) {
  __shared__ float tile_a[kTile][kTile + 1], tile_b[kTile][kTile + 1];
  int const tx = threadIdx.x, ty = threadIdx.y;
  int const row = blockIdx.y * kTile + ty, column = blockIdx.x * kTile + tx;
  float sum = 0.0f;
  for (int k = 0; k < n; k += kTile) {
    tile_a[ty][tx] = row < n && k + tx < n ? a[row * n + k + tx] : 0.0f;
    tile_b[ty][tx] = column < n && k + ty < n ? b[(k + ty) * n + column] : 0.0f;
    __syncthreads();
    for (int i = 0; i < kTile; ++i) { sum = fmaf(tile_a[ty][i], tile_b[i][tx], sum); }
    __syncthreads();
  }
  if (row < n && column < n) { c[row * n + column] = sum; }
}

__global__ void sum_of_exponentials_kernel(float const* x, float* y, int cols) {
  float sum = 0.0f;
  for (int i = threadIdx.x; i < cols; i += 32) { sum += expf(x[blockIdx.x * cols + i]); }
  for (int distance = 16; distance > 0; distance /= 2) {
    sum += __shfl_xor_sync(~0u, sum, distance);
  }
  if (threadIdx.x == 0) { y[blockIdx.x] = sum; }
}

__global__ void histogram_kernel(int const* values, int n, unsigned* counts) {
  int const i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i < n) { atomicAdd(&counts[values[i]], 1u); }
}

__global__ void power_kernel(double const* x, double* y, int n) {
  int const i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i < n) { y[i] = pow(x[i], 2.5); }
}

__global__ void look_up_kernel(int const* x, double* y, int n) {
  int const i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i < n) { y[i] = table_of_8[x[i]]; }
}

__global__ void choose_kernel(int const* x, int* y, int n) {
  int const i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i >= n) { return; }
  switch (x[i]) {
    case 0:
      y[i] = 7;
      break;
    case 1:
      y[i] = x[i] + 4;
      y[i] *= 3;
      break;
    case 2:
      y[i] = -1;
      break;
    case 3:
      y[i] = i;
      break;
    case 4:
      y[i] = i * i;
      break;
    case 5:
      y[i] ^= 5;
      break;
    default:
      y[i] = 100;
  }
}

int blocks_for(int n, int threads) { return (n + threads - 1) / threads; }

}  // namespace

void scale(float const* x, float* y, int n, float factor, cudaStream_t stream) {
  scale_kernel<<<4, 96, 0, stream>>>(x, y, n, factor);
}
void multiply(float const* a, float const* b, float* c, int n) {
  int const tiles = blocks_for(n, kTile);
  multiply_kernel<<<dim3(tiles, tiles), dim3(kTile, kTile)>>>(a, b, c, n);
}
void sum_of_exponentials(float const* x, float* y, int rows, int cols) {
  sum_of_exponentials_kernel<<<rows, 32>>>(x, y, cols);
}
void histogram(int const* values, int n, unsigned* counts) {
  histogram_kernel<<<blocks_for(n, 64), 64>>>(values, n, counts);
}
void power(double const* x, double* y, int n) { power_kernel<<<blocks_for(n, 32), 32>>>(x, y, n); }
void look_up(int const* x, double* y, int n) { look_up_kernel<<<blocks_for(n, 32), 32>>>(x, y, n); }
void set_table(double const* table) { cudaMemcpyToSymbol(table_of_8, table, sizeof table_of_8); }
void choose(int const* x, int* y, int n) { choose_kernel<<<blocks_for(n, 64), 64>>>(x, y, n); }

}  // namespace programs
