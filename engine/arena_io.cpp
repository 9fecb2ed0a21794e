#include "engine/arena_io.hpp"

#include <cmath>
#include <string_view>

#include "engine/json.hpp"

namespace jetcal {
namespace {

std::vector<std::int64_t> stored_dimensions(Slice const& slice) {
  return is_bias(slice) ? std::vector{slice.cols} : std::vector{slice.rows, slice.cols};
}

std::string text_of(std::vector<std::int64_t> const& dimensions) {
  std::vector<std::string> words;
  for (std::int64_t const d : dimensions) { words.push_back(std::to_string(d)); }
  return '[' + joined(words) + ']';
}

void require_names(StoredMatrices const& matrices, Layout const& layout, std::string const& where) {
  std::vector<std::string> missing;
  StoredMatrices extra = matrices;
  for (Slice const& slice : layout.slices()) {
    if (extra.erase(slice.name) == 0) { missing.push_back(slice.name); }
  }
  std::vector<std::string> too_many;
  for (auto const& [name, matrix] : extra) { too_many.push_back(name); }
  JETCAL_REQUIRE(missing.empty() && too_many.empty(), DataError,
                 where << ": does not hold this network's parameters"
                       << (missing.empty() ? "" : "; missing: ") << joined(missing)
                       << (too_many.empty() ? "" : "; too many: ") << joined(too_many)
                       << ". Use the file of a network of this shape");
}

}  // namespace

bool is_bias(Slice const& slice) {
  constexpr std::string_view kBias = ".bias";
  std::string_view const name = slice.name;
  return slice.rows == 1 && name.size() > kBias.size() &&
         name.substr(name.size() - kBias.size()) == kBias;
}

void write_arena(hdf5::Writer& group, Layout const& layout, std::vector<float> const& arena) {
  JETCAL_REQUIRE(
      static_cast<std::int64_t>(arena.size()) == layout.size(), ShapeError,
      "write_arena: arena has " << arena.size() << " floats (must be " << layout.size() << ")");
  for (Slice const& slice : layout.slices()) {
    ConstMat const matrix = slice.of(arena.data());
    std::vector<float> values;
    values.reserve(static_cast<std::size_t>(slice.rows * slice.cols));
    for (std::int64_t r = 0; r < slice.rows; ++r) {
      values.insert(values.end(), matrix.row(r), matrix.row(r) + slice.cols);
    }
    group.floats(slice.name, values, stored_dimensions(slice));
  }
}

StoredMatrices read_matrices(hdf5::Reader const& group) {
  StoredMatrices out;
  for (std::string const& name : group.names()) {
    hdf5::Floats read = group.floats(name);
    JETCAL_REQUIRE(read.dimensions.size() == 1 || read.dimensions.size() == 2, DataError,
                   group.path_of(name)
                       << ": has " << read.dimensions.size() << " dimensions (must be 1 or 2)");
    out[name] = {std::move(read.dimensions), std::move(read.values)};
  }
  return out;
}

std::vector<float> to_arena(StoredMatrices const& matrices, Layout const& layout,
                            std::string const& where) {
  require_names(matrices, layout, where);
  std::vector<float> arena(static_cast<std::size_t>(layout.size()), 0.0f);
  for (Slice const& slice : layout.slices()) {
    StoredMatrix const& stored = matrices.at(slice.name);
    JETCAL_REQUIRE(stored.dimensions == stored_dimensions(slice), DataError,
                   where << ": " << slice.name << " is " << text_of(stored.dimensions)
                         << " (must be " << text_of(stored_dimensions(slice))
                         << "). Use the file of a network of this shape");
    Mat const matrix = slice.of(arena.data());
    for (std::int64_t r = 0; r < slice.rows; ++r) {
      auto const row = stored.values.begin() + r * slice.cols;
      std::copy(row, row + slice.cols, matrix.row(r));
    }
  }
  return arena;
}

void require_finite(StoredMatrices const& matrices, std::string const& where) {
  for (auto const& [name, matrix] : matrices) {
    std::int64_t const cols = matrix.dimensions.back();
    for (std::size_t i = 0; i < matrix.values.size(); ++i) {
      auto const at = static_cast<std::int64_t>(i);
      JETCAL_REQUIRE(std::isfinite(matrix.values[i]), DataError,
                     where << ": " << name << " [" << at / cols << ", " << at % cols << "] is "
                           << matrix.values[i] << " (parameters must be finite)");
    }
  }
}

}  // namespace jetcal
