#pragma once

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <vector>

#include "engine/device.hpp"
#include "engine/matrix.hpp"
#include "kernels/cuda_context.cuh"
#include "tests/check_close.hpp"

namespace jetcal::test {

inline cuda::Context& context() { return cuda::Context::of(0); }
inline cudaStream_t stream() { return context().stream(); }

/// A matrix of the host as the CPU's ops want it: rows padded to 16 floats, the padding 0.
class HostMatrix {
 public:
  HostMatrix(std::int64_t rows, std::int64_t cols, float fill = 0)
      : data_(static_cast<std::size_t>(rows * padded(cols))),
        m_{nullptr, rows, cols, padded(cols)} {
    for (std::int64_t r = 0; r < rows; ++r) { std::fill_n(view().row(r), cols, fill); }
  }

  /// Uniform in [-size, size].
  static HostMatrix random(std::int64_t rows, std::int64_t cols, std::string_view name,
                           double size = 1) {
    return of(rows, cols, uniform(rows * cols, -size, size, seed_of(name, rows * 4096 + cols)));
  }

  /// Whole numbers from -3 to 3: sums of products of up to 2^19 of them are exact in any order.
  static HostMatrix whole(std::int64_t rows, std::int64_t cols, std::string_view name) {
    auto numbers = uniform(rows * cols, -3.5, 3.5, seed_of(name, rows * 4096 + cols));
    for (float& v : numbers) { v = std::nearbyint(v); }
    return of(rows, cols, numbers);
  }

  static HostMatrix of(std::int64_t rows, std::int64_t cols, std::vector<float> const& values) {
    HostMatrix m(rows, cols);
    for (std::int64_t r = 0; r < rows; ++r) {
      std::copy_n(values.data() + r * cols, cols, m.view().row(r));
    }
    return m;
  }

  Mat view() { return {data_.data(), m_.rows, m_.cols, m_.ld}; }
  ConstMat view() const { return {data_.data(), m_.rows, m_.cols, m_.ld}; }

  /// Row-major, without the padding.
  std::vector<float> values() const {
    std::vector<float> list;
    for (std::int64_t r = 0; r < m_.rows; ++r) {
      list.insert(list.end(), view().row(r), view().row(r) + m_.cols);
    }
    return list;
  }

 private:
  std::vector<float> data_;
  Mat m_;
};

/// What pads the rows of outputs: another NaN than that of the inputs, so that its copy shows.
constexpr float kOutputPadding = std::bit_cast<float>(0x7fd50000u);

/// A copy of it on the device. The padding is NaN, which no result may depend on, and a guard band
/// follows the last row.
class DeviceMatrix {
 public:
  explicit DeviceMatrix(HostMatrix const& from, float padding = std::nanf(""))
      : m_{nullptr, from.view().rows, from.view().cols, from.view().ld}, padding_(padding) {
    std::vector<float> all(static_cast<std::size_t>(m_.rows * m_.ld) + kBand, padding);
    for (std::int64_t r = 0; r < m_.rows; ++r) {
      std::copy_n(from.view().row(r), m_.cols, all.data() + r * m_.ld);
    }
    std::fill(all.end() - kBand, all.end(), kGuard);
    memory_ = Buffer(context(), static_cast<std::int64_t>(all.size()));
    memory_.upload(all);
  }
  DeviceMatrix(std::int64_t rows, std::int64_t cols, float fill)
      : DeviceMatrix(HostMatrix(rows, cols, fill), kOutputPadding) {}

  Mat view() { return {memory_.data(), m_.rows, m_.cols, m_.ld}; }
  ConstMat view() const { return {memory_.data(), m_.rows, m_.cols, m_.ld}; }

  /// The same number everywhere, in the same memory.
  void fill(float value) {
    std::vector<float> all = memory_.download();
    for (std::int64_t r = 0; r < m_.rows; ++r) {
      std::fill_n(all.begin() + r * m_.ld, m_.cols, value);
    }
    memory_.upload(all);
  }

  std::vector<float> values() const {
    std::vector<float> const all = memory_.download();
    std::vector<float> list;
    for (std::int64_t r = 0; r < m_.rows; ++r) {
      list.insert(list.end(), all.begin() + r * m_.ld, all.begin() + r * m_.ld + m_.cols);
    }
    return list;
  }

  /// Neither the padding nor what follows was written.
  bool well_kept() const {
    std::vector<float> const all = memory_.download();
    for (std::int64_t r = 0; r < m_.rows; ++r) {
      for (std::int64_t c = m_.cols; c < m_.ld; ++c) {
        float const kept = all[static_cast<std::size_t>(r * m_.ld + c)];
        if (std::bit_cast<int>(kept) != std::bit_cast<int>(padding_)) { return false; }
      }
    }
    return guard_untouched(all, all.size() - kBand);
  }

 private:
  static constexpr std::size_t kBand = 64;
  Mat m_;
  float padding_;
  Buffer memory_;
};

/// Floats on the device, and a guard band behind them.
class DeviceArray {
 public:
  explicit DeviceArray(std::vector<float> values) : size_(values.size()) {
    values.resize(size_ + 64, kGuard);
    memory_ = Buffer(context(), static_cast<std::int64_t>(values.size()));
    memory_.upload(values);
  }

  float* data() { return memory_.data(); }
  std::vector<float> values() const {
    std::vector<float> all = memory_.download();
    all.resize(size_);
    return all;
  }
  bool well_kept() const { return guard_untouched(memory_.download(), size_); }

 private:
  std::size_t size_;
  Buffer memory_;
};

/// Numbers of bins as a DeviceArray takes them, and bin 0 in a row that is not there.
inline std::vector<float> bins_as_floats(std::vector<std::int32_t> const& bins) {
  std::vector<float> floats;
  for (std::int32_t const bin : bins) { floats.push_back(std::bit_cast<float>(bin)); }
  floats.push_back(0);
  return floats;
}

/// A few numbers of type T on the device, 0 at first.
template <class T>
class DeviceNumbers {
 public:
  explicit DeviceNumbers(std::size_t n)
      : n_(n), memory_(context(), static_cast<std::int64_t>(n * sizeof(T) / sizeof(float))) {}

  T* data() { return reinterpret_cast<T*>(memory_.data()); }
  std::vector<T> values() {
    std::vector<T> host(n_);
    context().start_download(data(), host.data(), n_ * sizeof(T));
    context().synchronize();
    return host;
  }

 private:
  std::size_t n_;
  Buffer memory_;
};

}  // namespace jetcal::test
