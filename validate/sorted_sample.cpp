#include "validate/sorted_sample.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <utility>

#include "engine/errors.hpp"
#include "validate/normal.hpp"

namespace jetcal::validate {
namespace {

void require_usable(std::vector<float> const& values, std::vector<float> const& weights) {
  JETCAL_REQUIRE(weights.empty() || weights.size() == values.size(), DataError,
                 "SortedSample: " << values.size() << " values but " << weights.size()
                                  << " weights (one each, or none)");
  for (std::size_t i = 0; i < values.size(); ++i) {
    JETCAL_REQUIRE(std::isfinite(values[i]), DataError,
                   "SortedSample: value " << i << " is " << values[i] << " (must be finite)");
  }
  for (std::size_t i = 0; i < weights.size(); ++i) {
    JETCAL_REQUIRE(std::isfinite(weights[i]) && weights[i] >= 0, DataError,
                   "SortedSample: weight " << i << " is " << weights[i]
                                           << " (must be finite and not negative)");
  }
}

}  // namespace

SortedSample::SortedSample(std::vector<float> values, std::vector<float> weights)
    : values_(std::move(values)), weights_(std::move(weights)) {
  require_usable(values_, weights_);
  if (!weighted()) {
    std::sort(values_.begin(), values_.end());
    return;
  }
  std::vector<std::pair<float, float>> entries;
  entries.reserve(values_.size());
  for (std::size_t i = 0; i < values_.size(); ++i) {
    if (weights_[i] > 0) { entries.emplace_back(values_[i], weights_[i]); }
  }
  std::sort(entries.begin(), entries.end());
  values_.resize(entries.size());
  weights_.resize(entries.size());
  weight_below_.assign(entries.size() + 1, 0);
  square_below_.assign(entries.size() + 1, 0);
  for (std::size_t i = 0; i < entries.size(); ++i) {
    auto const [value, weight] = entries[i];
    double const w = weight;
    values_[i] = value;
    weights_[i] = weight;
    weight_below_[i + 1] = weight_below_[i] + w;
    square_below_[i + 1] = square_below_[i] + w * w;
  }
}

double SortedSample::effective_entries() const {
  if (size() == 0) { return 0; }
  double const total = total_weight();
  return total * total / square_below(size());
}

std::int64_t SortedSample::count_below(double x) const {
  return std::lower_bound(values_.begin(), values_.end(), x,
                          [](float v, double limit) { return static_cast<double>(v) < limit; }) -
         values_.begin();
}

double SortedSample::quantile(double p) const {
  JETCAL_REQUIRE(size() > 0, Error, "quantile: the sample is empty (needs at least one entry)");
  JETCAL_REQUIRE(p >= 0 && p <= 1, Error, "quantile: p is " << p << " (must be in [0, 1])");
  double const target = p * total_weight();
  auto const position = [this](std::int64_t i) { return weight_below(i) + 0.5 * weight(i); };
  // The first entry at or above the target.
  std::int64_t low = 0;
  std::int64_t high = size();
  while (low < high) {
    std::int64_t const middle = low + (high - low) / 2;
    if (position(middle) < target) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  if (low == 0) { return value(0); }
  if (low == size()) { return value(size() - 1); }
  double const before = position(low - 1);
  double const share = (target - before) / (position(low) - before);
  return value(low - 1) + share * (value(low) - value(low - 1));
}

double SortedSample::density_at_quantile(double p) const {
  double const z = normal_quantile(p);
  double const phi = normal_density(z);
  double const hall_sheather = std::cbrt(1.5 * phi * phi / (2 * z * z + 1) / effective_entries());
  double const h = std::min(hall_sheather, 0.75 * std::min(p, 1 - p));
  double const spacing = quantile(p + h) - quantile(p - h);
  return spacing > 0 ? 2 * h / spacing : std::numeric_limits<double>::infinity();
}

double SortedSample::quantile_covariance(double p, double q) const {
  if (p > q) { std::swap(p, q); }
  double const low = square_below(count_below(quantile(p)));
  double const middle = square_below(count_below(quantile(q))) - low;
  double const high = square_below(size()) - low - middle;
  double const sum = low * (1 - p) * (1 - q) - middle * p * (1 - q) + high * p * q;
  double const scale = total_weight();
  return sum / (density_at_quantile(p) * density_at_quantile(q) * scale * scale);
}

SortedSample finite_sample(std::span<float const> values, std::span<float const> weights) {
  std::vector<float> finite, used;
  finite.reserve(values.size());
  used.reserve(weights.size());
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (!std::isfinite(values[i])) { continue; }
    finite.push_back(values[i]);
    if (!weights.empty()) { used.push_back(weights[i]); }
  }
  return SortedSample(std::move(finite), std::move(used));
}

double iqr68(SortedSample const& sample) {
  return sample.quantile(kHighQuantile) - sample.quantile(kLowQuantile);
}

double iqr68_variance(SortedSample const& sample) {
  return sample.quantile_covariance(kHighQuantile, kHighQuantile) +
         sample.quantile_covariance(kLowQuantile, kLowQuantile) -
         2 * sample.quantile_covariance(kLowQuantile, kHighQuantile);
}

double half_sample_mode(SortedSample const& sample) {
  JETCAL_REQUIRE(sample.size() > 0, Error,
                 "half_sample_mode: the sample is empty (needs at least one entry)");
  std::int64_t first = 0;
  std::int64_t last = sample.size();  // one past the end
  while (last - first > 3) {
    double const half = 0.5 * (sample.weight_below(last) - sample.weight_below(first));
    double shortest = std::numeric_limits<double>::infinity();
    std::int64_t best_first = first;
    std::int64_t best_last = last;
    std::int64_t end = first;
    for (std::int64_t begin = first; begin < last; ++begin) {
      while (end < last && sample.weight_below(end) - sample.weight_below(begin) < half) { ++end; }
      if (sample.weight_below(end) - sample.weight_below(begin) < half) { break; }
      double const length = sample.value(end - 1) - sample.value(begin);
      if (length < shortest) {
        shortest = length;
        best_first = begin;
        best_last = end;
      }
    }
    // Rounding of the sums can leave no smaller interval; the middle is then as good as any other.
    if (best_last - best_first >= last - first) { break; }
    first = best_first;
    last = best_last;
  }
  if (last - first == 3) {
    double const left = sample.value(first + 1) - sample.value(first);
    double const right = sample.value(first + 2) - sample.value(first + 1);
    if (left < right) {
      --last;
    } else if (right < left) {
      ++first;
    } else {
      return sample.value(first + 1);
    }
  }
  return 0.5 * (sample.value(first) + sample.value(last - 1));
}

}  // namespace jetcal::validate
