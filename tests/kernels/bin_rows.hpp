#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "kernels/bin_sums.hpp"
#include "tests/check_close.hpp"

namespace jetcal::test {

/// Rows in bins -1 .. n_bins - 1. Their numbers are of both signs and many sizes: in another order
/// their sums have other bits.
struct BinSample {
  BinSample(std::int64_t n_rows, std::int64_t n_bins)
      : weights(uniform(n_rows, 0.1, 3, seed_of("bin weights", n_rows))) {
    RandomStream const random(seed_of("bins", n_rows), Purpose::test);
    for (std::int64_t r = 0; r < n_rows; ++r) {
      auto const number = random.bits(static_cast<std::uint64_t>(r));
      bins.push_back(static_cast<std::int32_t>(number % static_cast<std::uint64_t>(n_bins + 1)) -
                     1);
    }
    for (std::size_t i = 0; i < numbers.size(); ++i) {
      numbers[i] =
          uniform(n_rows, -1, 1, seed_of("bin numbers", n_rows + static_cast<std::int64_t>(i)));
      for (std::size_t r = 0; r < numbers[i].size(); r += 3) { numbers[i][r] *= 1e7f; }
    }
  }

  BinRows rows(bool first_head, bool second_head) const {
    BinRows rows{static_cast<std::int64_t>(bins.size()), bins.data(), weights.data(), {}};
    if (first_head) { rows.heads[0] = {numbers[0].data(), numbers[1].data()}; }
    if (second_head) { rows.heads[1] = {numbers[2].data(), numbers[3].data()}; }
    return rows;
  }

  std::vector<std::int32_t> bins;
  std::vector<float> weights;
  std::array<std::vector<float>, 4> numbers;
};

/// Equal, all of them.
inline bool same_sums(std::vector<BinSums> const& a, std::vector<BinSums> const& b) {
  bool same = a.size() == b.size();
  for (std::size_t i = 0; same && i < a.size(); ++i) {
    same = a[i].jets == b[i].jets && a[i].weight == b[i].weight;
    for (std::size_t h = 0; h < 2; ++h) {
      same = same && a[i].heads[h].loss == b[i].heads[h].loss &&
             a[i].heads[h].kept == b[i].heads[h].kept;
    }
  }
  return same;
}

}  // namespace jetcal::test
