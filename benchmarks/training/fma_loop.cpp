#include "benchmarks/training/fma_loop.hpp"

#include "benchmarks/clock.hpp"
#include "kernels/targets.hpp"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "benchmarks/training/fma_loop.cpp"
#include <hwy/foreach_target.h>
// The target's own header.
#include "kernels/vocabulary-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace jetcal {
namespace HWY_NAMESPACE {

// 12 chains hide the latency of two units; returns something that depends on all of them.
HWY_NOINLINE float fma_chains(std::int64_t length) {
  Vec acc[12];
  for (int i = 0; i < 12; ++i) { acc[i] = Vec(static_cast<float>(i)); }
  Vec const a(0.9999999f), b(1e-9f);
  for (std::int64_t k = 0; k < length; ++k) {
    for (int i = 0; i < 12; ++i) { acc[i] = fma(acc[i], a, b); }
  }
  Vec sum = acc[0];
  for (int i = 1; i < 12; ++i) { sum = sum + acc[i]; }
  float out[64];
  store(sum, out);
  return out[0];
}

double measure() {
  double best = 0;
  for (int repeat = 0; repeat < 3; ++repeat) {
    std::int64_t const length = kLanes == 1 ? 1'000'000 : 10'000'000;
    double const start = bench::thread_seconds();
    float const value = fma_chains(length);
    double const time = bench::thread_seconds() - start;
    double const flops = 2.0 * 12 * static_cast<double>(kLanes * length);
    double const rate = value != 1e30f ? flops / time * 1e-9 : 0;
    best = rate > best ? rate : best;
  }
  return best;
}

}  // namespace HWY_NAMESPACE
}  // namespace jetcal
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace jetcal::bench {
namespace {
double dispatch() { JETCAL_DISPATCH(measure) }
}  // namespace
double fma_loop_gflops() { return dispatch(); }
}  // namespace jetcal::bench
#endif
