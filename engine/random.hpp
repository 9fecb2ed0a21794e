#pragma once

#include <Random123/philox.h>

#include <array>
#include <cstdint>

#include "engine/host_device.hpp"

namespace jetcal {

/// What a stream of random numbers is for. A stream is a pure function of (seed, purpose, a, b) and
/// a counter: no state to save, any element at once, the same on every machine.
enum class Purpose : std::uint32_t {
  weights = 1,
  shuffle = 2,
  split = 3,
  toy = 4,
  test = 5,
  validation = 6
};

/// Counter-based generator Philox4x32-10 (Salmon et al., SC'11; Random123).
class RandomStream {
 public:
  explicit RandomStream(std::uint64_t seed, Purpose purpose, std::uint32_t a = 0,
                        std::uint32_t b = 0)
      : key_{{static_cast<std::uint32_t>(seed), static_cast<std::uint32_t>(seed >> 32)}},
        high_{{static_cast<std::uint32_t>(purpose) | (a << 8), b}} {}

  /// Four independent 32-bit words of counter value `i`.
  std::array<std::uint32_t, 4> words(std::uint64_t i) const {
    r123::Philox4x32 const philox;
    r123::Philox4x32::ctr_type const counter{
        {static_cast<std::uint32_t>(i), static_cast<std::uint32_t>(i >> 32), high_[0], high_[1]}};
    auto const out = philox(counter, key_);
    return {out[0], out[1], out[2], out[3]};
  }

  /// 64 random bits of counter value `i`.
  std::uint64_t bits(std::uint64_t i) const {
    auto const w = words(i);
    return (static_cast<std::uint64_t>(w[1]) << 32) | w[0];
  }

  /// Uniform in (0, 1), 53 bits, never 0 or 1.
  double uniform(std::uint64_t i) const {
    return (static_cast<double>(bits(i) >> 12) + 0.5) * 0x1p-52;
  }

 private:
  r123::Philox4x32::key_type key_;
  std::array<std::uint32_t, 2> high_;
};

/// A keyed permutation of 0 .. n-1 that needs no memory and gives any element at once, on the host
/// and in CUDA code.
///
/// Source    Luby and Rackoff, SIAM J. Comput. 17 (1988) 373 (Feistel network of a keyed function);
///           Black and Rogaway, CT-RSA 2002 (cycle walking back into 0 .. n-1)
/// Errors    none; n = 0 is allowed and has no elements
class Permutation {
 public:
  /// Of nothing.
  Permutation() = default;

  Permutation(std::uint64_t n, RandomStream const& key) : n_(n) {
    while ((std::uint64_t{1} << (2 * half_bits_)) < n) { ++half_bits_; }
    mask_ = (std::uint64_t{1} << half_bits_) - 1;
    for (std::size_t round = 0; round < kRounds; ++round) { round_keys_[round] = key.bits(round); }
  }

  /// Where element `i` (0 <= i < n) of the permuted order comes from.
  JETCAL_HOST_DEVICE std::uint64_t operator()(std::uint64_t i) const {
    do { i = once(i); } while (i >= n_);
    return i;
  }

  /// The same for elements first .. first + count - 1, several times as fast: the rounds of one
  /// element do not wait for those of another.
  void run(std::uint64_t first, std::size_t count, std::uint64_t* out) const {
    constexpr std::size_t kGroup = 64;
    std::array<std::size_t, kGroup> outside;  // elements that must walk on
    for (std::size_t start = 0; start < count; start += kGroup) {
      std::size_t const group = count - start < kGroup ? count - start : kGroup;
      std::size_t left = 0;
      for (std::size_t i = start; i < start + group; ++i) {
        out[i] = once(first + i);
        outside[left] = i;
        left += out[i] >= n_ ? 1 : 0;
      }
      while (left > 0) {
        std::size_t still = 0;
        for (std::size_t k = 0; k < left; ++k) {
          std::size_t const i = outside[k];
          out[i] = once(out[i]);
          outside[still] = i;
          still += out[i] >= n_ ? 1 : 0;
        }
        left = still;
      }
    }
  }

  JETCAL_HOST_DEVICE std::uint64_t size() const { return n_; }

 private:
  static constexpr std::size_t kRounds = 6;

  JETCAL_HOST_DEVICE std::uint64_t once(std::uint64_t i) const {
    std::uint64_t left = i >> half_bits_;
    std::uint64_t right = i & mask_;
    for (std::uint64_t const key : round_keys_) {
      std::uint64_t const f = mix(right ^ key) & mask_;
      std::uint64_t const next = left ^ f;
      left = right;
      right = next;
    }
    return (left << half_bits_) | right;
  }

  // The finaliser of SplitMix64 (Steele, Lea, Flood, OOPSLA 2014): every bit in reaches every bit
  // out.
  JETCAL_HOST_DEVICE static std::uint64_t mix(std::uint64_t z) {
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
  }

  std::uint64_t n_ = 0;
  std::uint64_t round_keys_[kRounds] = {};
  int half_bits_ = 1;
  std::uint64_t mask_ = 1;
};

}  // namespace jetcal
