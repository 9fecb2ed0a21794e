#include "data/quantiles.hpp"

#include <bit>
#include <cmath>

#include "engine/errors.hpp"

namespace jetcal::data {
namespace {

constexpr std::size_t kBins = 65536;

/// A number that orders like the value.
std::uint32_t key_of(float value) {
  auto const bits = std::bit_cast<std::uint32_t>(value);
  return bits >> 31 ? ~bits : bits | 0x80000000u;
}

float value_of(std::uint32_t key) {
  return std::bit_cast<float>(key >> 31 ? key & 0x7fffffffu : ~key);
}

}  // namespace

QuantileFinder::QuantileFinder(std::size_t columns, int lower_permille, int upper_permille)
    : permille_{lower_permille, upper_permille}, columns_(columns) {
  for (Column& column : columns_) { column.histogram.assign(kBins, 0.0); }
}

void QuantileFinder::add_first(std::size_t column, float const* values, float const* weights,
                               std::int64_t n) {
  std::vector<double>& histogram = columns_[column].histogram;
  for (std::int64_t i = 0; i < n; ++i) { histogram[key_of(values[i]) >> 16] += weights[i]; }
}

void QuantileFinder::finish_first() {
  for (Column& column : columns_) {
    for (double const weight : column.histogram) { column.total += weight; }
    JETCAL_REQUIRE(column.total > 0 && std::isfinite(column.total), DataError,
                   "normalisation: the training jets' weights sum to "
                       << column.total << " (must be above 0 and finite)");
    for (std::size_t which = 0; which < 2; ++which) {
      Target& target = column.targets[which];
      double weight = 0;
      for (std::size_t bin = 0; bin < kBins; ++bin) {
        if (column.histogram[bin] == 0) { continue; }
        target.upper_half = static_cast<std::uint32_t>(bin);
        target.weight_before = weight;
        weight += column.histogram[bin];
        if (reaches(weight, column.total, which)) { break; }
      }
      target.histogram.assign(kBins, 0.0);
    }
    column.histogram = {};
  }
}

void QuantileFinder::add_second(std::size_t column, float const* values, float const* weights,
                                std::int64_t n) {
  for (Target& target : columns_[column].targets) {
    for (std::int64_t i = 0; i < n; ++i) {
      std::uint32_t const key = key_of(values[i]);
      if (key >> 16 == target.upper_half) { target.histogram[key & 0xffff] += weights[i]; }
    }
  }
}

float QuantileFinder::quantile(std::size_t column, std::size_t which) const {
  Target const& target = columns_[column].targets[which];
  double weight = target.weight_before;
  std::uint32_t last = 0;
  for (std::size_t bin = 0; bin < kBins; ++bin) {
    if (target.histogram[bin] == 0) { continue; }
    last = static_cast<std::uint32_t>(bin);
    weight += target.histogram[bin];
    if (reaches(weight, columns_[column].total, which)) { break; }
  }
  return value_of(target.upper_half << 16 | last);
}

std::int64_t QuantileFinder::bytes(std::size_t columns) {
  return static_cast<std::int64_t>(columns * 2 * kBins * sizeof(double));
}

}  // namespace jetcal::data
