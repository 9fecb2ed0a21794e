// The emulator's random numbers: small, seeded, one generator a block.
#pragma once

#include "tests/emulator/types.hpp"

namespace emulator {

/// splitmix64 (G. Steele, D. Lea, C. Flood, OOPSLA 2014).
class Random {
 public:
  explicit Random(u64 seed) : state_(seed) {}
  u64 next() {
    u64 z = (state_ += 0x9E3779B97F4A7C15ull);
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ull;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBull;
    return z ^ (z >> 31);
  }
  /// In [0, n); n > 0.
  u64 below(u64 n) { return next() % n; }
  /// A power of two from 1 to 2^16 times a random factor in [1, 2): log-uniform.
  u64 log_uniform() {
    u64 const power = u64(1) << below(17);
    return power + below(power);
  }

 private:
  u64 state_;
};

}  // namespace emulator
