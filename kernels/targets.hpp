#pragma once

// Which instruction sets Highway compiles our CPU kernels for, and how one is chosen at run time.
// To be included before any Highway header.
//
// Only targets with a fused multiply-add of their own: Highway 1.0.3's MulAdd rounds twice on the
// others. The slot of Highway's scalar target holds our own plain C++ (std::fma) and uses none of
// Highway's functions. HWY_COMPILE_ALL_ATTAINABLE keeps every target whatever -march says.
#define HWY_COMPILE_ALL_ATTAINABLE
#define HWY_DISABLED_TARGETS                                                              \
  (HWY_SSSE3 | HWY_SSE4 | HWY_AVX3_DL | (1LL << 6) | (1LL << 4) | (1LL << 14) | HWY_SVE | \
   HWY_SVE2 | HWY_SVE_256 | HWY_SVE2_128)

#include "engine/isa.hpp"

#if defined(__x86_64__)
#define JETCAL_DISPATCH_VECTOR(function, ...) \
  case ::jetcal::Isa::avx512:                 \
    return N_AVX3::function(__VA_ARGS__);     \
  case ::jetcal::Isa::avx2:                   \
    return N_AVX2::function(__VA_ARGS__);
#elif defined(__aarch64__)
#define JETCAL_DISPATCH_VECTOR(function, ...) \
  case ::jetcal::Isa::neon:                   \
    return N_NEON::function(__VA_ARGS__);
#else
#define JETCAL_DISPATCH_VECTOR(function, ...)
#endif

/// return NAMESPACE_OF_THE_ACTIVE_ISA::function(arguments). At the end of a kernel's .cpp, once.
#define JETCAL_DISPATCH(function, ...)                       \
  switch (::jetcal::active_isa()) {                          \
    JETCAL_DISPATCH_VECTOR(function, __VA_ARGS__)            \
    default:                                                 \
      return JETCAL_SCALAR_NAMESPACE::function(__VA_ARGS__); \
  }
