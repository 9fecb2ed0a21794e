#include "data/records.hpp"

#include <sys/mman.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstdlib>
#include <cstring>

#include "data/features.hpp"
#include "engine/matrix.hpp"

namespace jetcal::data {
namespace {

constexpr std::int64_t kTile = 256;  // jets whose columns stay in the first cache while transposed
constexpr std::size_t kHugePage = std::size_t{2} << 20;

}  // namespace

void Batch::resize(std::int64_t new_rows, std::int64_t n_features) {
  rows = new_rows;
  auto const n = static_cast<std::size_t>(new_rows);
  auto const row_floats = static_cast<std::size_t>(padded(n_features));
  features.resize(n * row_floats);
  targets.resize(2 * n);
  weights.resize(n);
  bins.resize(n);
  row_numbers.resize(n);
}

std::int64_t Batch::bytes(std::int64_t rows, std::int64_t n_features) {
  return rows * (4 * padded(n_features) + 4 * 2 + 4 + 4 + 8);
}

void Records::Free::operator()(std::uint32_t* words) const { std::free(words); }

Records::Records(RecordForm form, std::int64_t capacity) : form_(form), capacity_(capacity) {
  auto size = static_cast<std::size_t>(capacity * bytes(form));
  // Jets are fetched at random: with pages of 2 MiB the processor finds them with far fewer misses.
  bool const huge = size >= 4 * kHugePage;
  std::size_t const alignment = huge ? kHugePage : 64;
  size = (std::max<std::size_t>(size, 1) + alignment - 1) / alignment * alignment;
  auto* const memory = static_cast<std::uint32_t*>(std::aligned_alloc(alignment, size));
  JETCAL_REQUIRE(memory, ConfigError,
                 "loader: the system refuses " << (size >> 20) << " MiB of memory for " << capacity
                                               << " jets. Lower loader.memory_mib");
  words_.reset(memory);
  if (huge) { madvise(memory, size, MADV_HUGEPAGE); }  // advice: it may be declined
}

void Records::pack(JetColumns const& jets, std::vector<std::int32_t> const& chosen,
                   Normalisation const* normalisation, std::int64_t first, std::int64_t step) {
  std::array<float, kTile> tile;
  std::int64_t const stride_of_jets = step * stride();
  auto const n = static_cast<std::int64_t>(chosen.size());
  for (std::int64_t start = 0; start < n; start += kTile) {
    std::int64_t const count = std::min(kTile, n - start);
    std::int32_t const* const rows = chosen.data() + start;
    std::uint32_t* word = at(first + start * step);
    auto const store = [&](auto value_of) {
      for (std::int64_t i = 0; i < count; ++i) { word[i * stride_of_jets] = value_of(i); }
      ++word;
    };
    auto const store_column = [&](std::vector<float> const& column) {
      store([&](std::int64_t i) {
        return std::bit_cast<std::uint32_t>(column[static_cast<std::size_t>(rows[i])]);
      });
    };
    for (std::size_t f = 0; f < jets.features.size(); ++f) {
      if (!normalisation) {
        store_column(jets.features[f]);
        continue;
      }
      for (std::int64_t i = 0; i < count; ++i) {
        tile[static_cast<std::size_t>(i)] = jets.features[f][static_cast<std::size_t>(rows[i])];
      }
      affine(tile.data(), count, normalisation->scale[f], normalisation->offset[f], tile.data());
      store([&](std::int64_t i) {
        return std::bit_cast<std::uint32_t>(tile[static_cast<std::size_t>(i)]);
      });
    }
    store_column(jets.responses[0]);
    store_column(jets.responses[1]);
    if (form_.weighted) { store_column(jets.weights); }
    store([&](std::int64_t i) {
      return std::bit_cast<std::uint32_t>(jets.bins[static_cast<std::size_t>(rows[i])]);
    });
    auto const row_number = [&](std::int64_t i) {
      return static_cast<std::uint64_t>(jets.first_row + rows[i]);
    };
    store([&](std::int64_t i) { return static_cast<std::uint32_t>(row_number(i)); });
    store([&](std::int64_t i) { return static_cast<std::uint32_t>(row_number(i) >> 32); });
  }
}

void Records::unpack(std::int64_t place, Batch& batch, std::int64_t row) const {
  auto const r = static_cast<std::size_t>(row);
  auto const n = static_cast<std::size_t>(form_.features);
  auto const ld = static_cast<std::size_t>(padded(form_.features));
  std::uint32_t const* const word = at(place);
  float* const features = batch.features.data() + r * ld;
  std::memcpy(features, word, n * 4);
  std::fill(features + n, features + ld, 0.0f);
  std::memcpy(batch.targets.data() + 2 * r, word + form_.target_at(), 8);
  batch.weights[r] = form_.weighted ? std::bit_cast<float>(word[form_.weight_at()]) : 1.0f;
  batch.bins[r] = std::bit_cast<std::int32_t>(word[form_.bin_at()]);
  batch.row_numbers[r] = row_number(place);
}

std::int64_t Records::row_number(std::int64_t place) const {
  std::uint32_t const* const word = at(place) + form_.words();
  return static_cast<std::int64_t>(word[0] | std::uint64_t{word[1]} << 32);
}

void Records::turn(std::int64_t last, std::int64_t n, std::int64_t first) {
  std::int64_t const lowest = last - n + 1;
  for (std::int64_t i = 0; i < n / 2; ++i) {
    std::swap_ranges(at(lowest + i), at(lowest + i + 1), at(last - i));
  }
  std::memmove(at(first), at(lowest), static_cast<std::size_t>(n * bytes(form_)));
}

void Records::prefetch(std::int64_t place) const {
  char const* const first = reinterpret_cast<char const*>(at(place));
  for (std::int64_t byte = 0; byte < bytes(form_); byte += 64) { __builtin_prefetch(first + byte); }
}

void Records::copy_feature(std::int64_t feature, std::int64_t first, std::int64_t n,
                           float* out) const {
  for (std::int64_t i = 0; i < n; ++i) { out[i] = std::bit_cast<float>(at(first + i)[feature]); }
}

void Records::copy_weights(std::int64_t first, std::int64_t n, float* out) const {
  if (form_.weighted) { return copy_feature(form_.weight_at(), first, n, out); }
  std::fill_n(out, n, 1.0f);
}

void Records::normalise(Normalisation const& normalisation, std::int64_t first, std::int64_t n) {
  std::array<float, kTile> tile;
  for (std::int64_t start = 0; start < n; start += kTile) {
    std::int64_t const count = std::min(kTile, n - start);
    for (std::int64_t f = 0; f < form_.features; ++f) {
      copy_feature(f, first + start, count, tile.data());
      auto const at_f = static_cast<std::size_t>(f);
      affine(tile.data(), count, normalisation.scale[at_f], normalisation.offset[at_f],
             tile.data());
      for (std::int64_t i = 0; i < count; ++i) {
        at(first + start + i)[f] = std::bit_cast<std::uint32_t>(tile[static_cast<std::size_t>(i)]);
      }
    }
  }
}

}  // namespace jetcal::data
