#pragma once

// Where the formulas of the *.math.hpp files live: on the CPU in the namespace of the instruction
// set that is being compiled, in CUDA code in jetcal::math. JETCAL_MATH_TARGET stands on a line of
// its own before JETCAL_BEGIN_MATH: g++ 14 loses what follows a pragma inside a macro.
#include "engine/host_device.hpp"

#if defined(__CUDACC__)
#include "kernels/vocabulary.cuh"
#define JETCAL_MATH_TARGET
#define JETCAL_BEGIN_MATH namespace jetcal::math {
#define JETCAL_END_MATH }
#else
#define JETCAL_MATH_TARGET HWY_BEFORE_NAMESPACE();
#define JETCAL_BEGIN_MATH \
  namespace jetcal {      \
  namespace HWY_NAMESPACE {
#define JETCAL_END_MATH \
  }                     \
  }                     \
  HWY_AFTER_NAMESPACE();
#endif
