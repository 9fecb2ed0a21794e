#pragma once

// Before a function that CUDA code calls too: a formula that is written once for both sides.
#if defined(__CUDACC__)
#define JETCAL_HOST_DEVICE __host__ __device__
#else
#define JETCAL_HOST_DEVICE
#endif
