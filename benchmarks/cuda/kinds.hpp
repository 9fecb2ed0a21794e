#pragma once

#include <string>
#include <type_traits>

#include "tests/cuda/stored_matrix.hpp"

namespace jetcal::bench {

/// What differs between float (fp32), cuda::Tf32 and cuda::Bf16.
template <class T>
struct Kind {
  using Stored = test::StoredMatrix<T>;
  static test::HostMatrix rounded(test::HostMatrix const& m) { return test::rounded<T>(m); }
  static constexpr double kRounding = test::kRounding<T>;
  static std::string name() { return std::string(test::kName<T>); }
  static constexpr int kTensorBits = std::is_same_v<T, cuda::Bf16> ? 16 : 19;
};
template <>
struct Kind<float> {
  using Stored = test::DeviceMatrix;
  static test::HostMatrix const& rounded(test::HostMatrix const& m) { return m; }
  static constexpr double kRounding = 0;
  static std::string name() { return "fp32"; }
  static constexpr int kTensorBits = 0;
};

/// Bytes of `rows` times `columns` numbers, sizeof(T) each.
template <class T = float>
double bytes(std::int64_t rows, std::int64_t columns) {
  return static_cast<double>(rows * columns) * sizeof(T);
}

}  // namespace jetcal::bench
