#pragma once

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <string_view>
#include <type_traits>
#include <vector>

#include "kernels/storage.hpp"
#include "tests/cuda/device_matrix.hpp"

namespace jetcal::test {

// What the device stores, said once more for the host: rounding by arithmetic, not by bits.

template <class T>
constexpr int kFractionBits = 23;
template <>
constexpr int kFractionBits<cuda::Tf32> = 10;
template <>
constexpr int kFractionBits<cuda::Bf16> = 7;

/// The largest relative error of one rounding.
template <class T>
constexpr double kRounding = 1.0 / (2 << kFractionBits<T>);

template <class T>
constexpr std::string_view kName = std::is_same_v<T, float>        ? "fp32"
                                   : std::is_same_v<T, cuda::Tf32> ? "tf32"
                                                                   : "bf16";

/// x to T's bits of fraction: tf32 rounds ties away from 0, bf16 to even.
template <class T>
float rounded(float x) {
  int exponent = 0;
  static_cast<void>(std::frexp(x, &exponent));
  int const last = std::max(exponent - 1, -126) - kFractionBits<T>;  // the last bit's power of two
  double const scaled = std::ldexp(static_cast<double>(x), -last);
  double const whole = std::is_same_v<T, cuda::Tf32> ? std::round(scaled) : std::nearbyint(scaled);
  return static_cast<float>(std::ldexp(whole, last));
}

template <class T>
std::vector<float> rounded_all(std::vector<float> values) {
  for (float& v : values) { v = rounded<T>(v); }
  return values;
}

template <class T>
HostMatrix rounded(HostMatrix const& m) {
  return HostMatrix::of(m.view().rows, m.view().cols, rounded_all<T>(m.values()));
}

inline void to_stored(float x, float& to) { to = x; }
inline void to_stored(float x, cuda::Tf32& to) { to.value = x; }
inline void to_stored(float x, cuda::Bf16& to) {
  to.bits = static_cast<std::uint16_t>(std::bit_cast<std::uint32_t>(x) >> 16);
}
inline float from_stored(float x) { return x; }
inline float from_stored(cuda::Tf32 x) { return x.value; }
inline float from_stored(cuda::Bf16 x) {
  return std::bit_cast<float>(static_cast<std::uint32_t>(x.bits) << 16);
}

/// A matrix on the device as T. As of DeviceMatrix, the padding is NaN and a guard band follows.
template <class T>
class StoredMatrix {
 public:
  explicit StoredMatrix(HostMatrix const& from) : StoredMatrix(from, padded(from.view().cols)) {}

  /// With `ld` elements from row to row.
  StoredMatrix(HostMatrix const& from, std::int64_t ld, float padding = std::nanf(""))
      : padding_(padding),
        rows_(from.view().rows),
        cols_(from.view().cols),
        ld_(ld),
        elements_(static_cast<std::size_t>(rows_ * ld_)) {
    std::vector<T> all(elements_ + kBand);
    for (std::size_t i = 0; i < all.size(); ++i) {
      to_stored(i < elements_ ? padding : kGuard, all[i]);
    }
    for (std::int64_t r = 0; r < rows_; ++r) {
      for (std::int64_t c = 0; c < cols_; ++c) {
        to_stored(rounded<T>(from.view().row(r)[c]), all[static_cast<std::size_t>(r * ld_ + c)]);
      }
    }
    std::vector<float> floats(all.size() * sizeof(T) / sizeof(float));
    std::memcpy(floats.data(), all.data(), floats.size() * sizeof(float));
    memory_ = Buffer(context(), static_cast<std::int64_t>(floats.size()));
    memory_.upload(floats);
  }
  StoredMatrix(std::int64_t rows, std::int64_t cols, float fill)
      : StoredMatrix(HostMatrix(rows, cols, fill), padded(cols), kOutputPadding) {}

  MatOf<T> view() { return {reinterpret_cast<T*>(memory_.data()), rows_, cols_, ld_}; }
  ConstMatOf<T> view() const {
    return {reinterpret_cast<T const*>(memory_.data()), rows_, cols_, ld_};
  }

  std::vector<float> values() const {
    std::vector<float> const all = everything();
    std::vector<float> list;
    for (std::int64_t r = 0; r < rows_; ++r) {
      list.insert(list.end(), all.begin() + r * ld_, all.begin() + r * ld_ + cols_);
    }
    return list;
  }

  /// Neither the padding nor what follows was written.
  bool well_kept() const {
    std::vector<float> const all = everything();
    for (std::size_t i = 0; i < elements_; ++i) {
      bool const padding = static_cast<std::int64_t>(i) % ld_ >= cols_;
      bool const kept = std::bit_cast<int>(all[i]) == std::bit_cast<int>(padding_);
      if (padding && !kept) { return false; }
    }
    for (std::size_t i = elements_; i < all.size(); ++i) {
      if (all[i] != rounded<T>(kGuard)) { return false; }
    }
    return true;
  }

 private:
  static constexpr std::size_t kBand = 64;

  std::vector<float> everything() const {
    std::vector<float> const floats = memory_.download();
    std::vector<T> stored(floats.size() * sizeof(float) / sizeof(T));
    std::memcpy(stored.data(), floats.data(), floats.size() * sizeof(float));
    std::vector<float> all;
    for (T const& x : stored) { all.push_back(from_stored(x)); }
    return all;
  }

  float padding_;
  std::int64_t rows_, cols_, ld_;
  std::size_t elements_;
  Buffer memory_;
};

}  // namespace jetcal::test
