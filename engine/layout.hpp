#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "engine/errors.hpp"
#include "engine/matrix.hpp"

namespace jetcal {

/// One named matrix inside a parameter arena: element (r, c) is arena[offset + r * ld + c].
/// A bias is a matrix of one row. The ld - cols floats that pad a row are always zero.
struct Slice {
  std::string name;
  std::int64_t rows = 0;
  std::int64_t cols = 0;
  std::int64_t ld = 0;
  std::int64_t offset = 0;

  std::int64_t size() const { return rows * ld; }
  Mat of(float* arena) const { return {arena + offset, rows, cols, ld}; }
  ConstMat of(float const* arena) const { return {arena + offset, rows, cols, ld}; }
};

/// Where every weight of a model lies in its arena. Parameters, gradients, optimizer states and the
/// exchange between ranks all have this layout.
class Layout {
 public:
  /// Appends a matrix [rows, cols] and returns its index. Errors: ConfigError for a name used
  /// twice.
  std::int64_t add(std::string name, std::int64_t rows, std::int64_t cols) {
    for (Slice const& s : slices_) {
      JETCAL_REQUIRE(s.name != name, ConfigError,
                     "Layout: parameter '" << name << "' is declared twice (names must differ)");
    }
    JETCAL_REQUIRE(rows > 0 && cols > 0, ShapeError,
                   "Layout: parameter '" << name << "' is [" << rows << ", " << cols
                                         << "] (both must be at least 1)");
    slices_.push_back({std::move(name), rows, cols, padded(cols), size_});
    size_ += slices_.back().size();
    return static_cast<std::int64_t>(slices_.size()) - 1;
  }

  std::vector<Slice> const& slices() const { return slices_; }
  Slice const& operator[](std::int64_t i) const { return slices_[static_cast<std::size_t>(i)]; }

  /// The slice called `name`. Errors: ConfigError if there is none.
  Slice const& at(std::string_view name) const {
    for (Slice const& s : slices_) {
      if (s.name == name) { return s; }
    }
    throw ConfigError("Layout: no parameter is called '" + std::string(name) + "'");
  }

  /// Floats in the arena, padding included.
  std::int64_t size() const { return size_; }

  /// Parameters as the user counts them, without padding.
  std::int64_t parameter_count() const {
    std::int64_t n = 0;
    for (Slice const& s : slices_) { n += s.rows * s.cols; }
    return n;
  }

 private:
  std::vector<Slice> slices_;
  std::int64_t size_ = 0;
};

}  // namespace jetcal
