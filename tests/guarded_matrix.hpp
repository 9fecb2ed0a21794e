#pragma once

#include <cstdint>
#include <vector>

#include "engine/matrix.hpp"
#include "tests/check_close.hpp"

namespace jetcal::test {

/// A matrix whose rows are padded by any number of floats and followed by guard values, for the
/// inputs and outputs of an op under test.
class GuardedMatrix {
 public:
  /// Everything, padding included, is `fill`: 0.5 for what will be added to, NaN for what must not
  /// be read.
  GuardedMatrix(std::int64_t rows, std::int64_t cols, std::int64_t padding, float fill)
      : rows_(rows), cols_(cols), ld_(cols + padding), data_(index(rows * ld_ + 64), kGuard) {
    for (std::int64_t i = 0; i < rows * ld_; ++i) { data_[index(i)] = fill; }
  }

  /// Row-major `values` without padding; the padding is NaN, which an op must not read.
  GuardedMatrix(std::int64_t rows, std::int64_t cols, std::int64_t padding,
                std::vector<float> const& values)
      : GuardedMatrix(rows, cols, padding, std::nanf("")) {
    for (std::int64_t r = 0; r < rows; ++r) {
      for (std::int64_t c = 0; c < cols; ++c) { at(r, c) = values.at(index(r * cols + c)); }
    }
  }

  float& at(std::int64_t r, std::int64_t c) { return data_[index(r * ld_ + c)]; }
  float at(std::int64_t r, std::int64_t c) const { return data_[index(r * ld_ + c)]; }

  Mat view() { return {data_.data(), rows_, cols_, ld_}; }
  ConstMat view() const { return {data_.data(), rows_, cols_, ld_}; }

  /// Row-major, without the padding.
  std::vector<float> values() const {
    std::vector<float> list;
    for (std::int64_t r = 0; r < rows_; ++r) {
      for (std::int64_t c = 0; c < cols_; ++c) { list.push_back(at(r, c)); }
    }
    return list;
  }

  /// The padding is +0 and nothing behind the matrix was written.
  bool well_kept() const {
    for (std::int64_t r = 0; r < rows_; ++r) {
      for (std::int64_t c = cols_; c < ld_; ++c) {
        if (std::bit_cast<std::uint32_t>(at(r, c)) != 0) { return false; }
      }
    }
    return guard_untouched(data_, index(rows_ * ld_));
  }

 private:
  static std::size_t index(std::int64_t i) { return static_cast<std::size_t>(i); }

  std::int64_t rows_, cols_, ld_;
  std::vector<float> data_;
};

}  // namespace jetcal::test
