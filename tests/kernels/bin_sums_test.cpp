#include "kernels/bin_sums.hpp"

#include <cmath>
#include <vector>

#include "tests/catch.hpp"
#include "tests/kernels/bin_rows.hpp"

namespace jetcal::test {
namespace {

TEST_CASE("sums of a bin are its jets' numbers, one after the other", "[bin_sums]") {
  for (bool const second_head : {true, false}) {
    std::vector<BinSums> sums(7);
    sums[3].jets = 2;
    sums[3].heads[0].loss = 1e9;  // goes on from what is there
    std::vector<BinSums> want = sums;
    for (std::int64_t const rows : {0, 1, 40, 1000}) {
      BinSample const sample(rows, 7);
      cpu::add_to_bins(sample.rows(true, second_head), sums.data());
      for (std::size_t b = 0; b < sums.size(); ++b) {
        for (std::size_t r = 0; r < sample.bins.size(); ++r) {
          if (sample.bins[r] != static_cast<std::int32_t>(b)) { continue; }
          want[b].jets += 1;
          want[b].weight += static_cast<double>(sample.weights[r]);
          want[b].heads[0].loss += static_cast<double>(sample.numbers[0][r]);
          want[b].heads[0].kept += static_cast<double>(sample.numbers[1][r]);
          if (!second_head) { continue; }
          want[b].heads[1].loss += static_cast<double>(sample.numbers[2][r]);
          want[b].heads[1].kept += static_cast<double>(sample.numbers[3][r]);
        }
      }
    }
    CHECK(same_sums(sums, want));
    CHECK(sums[0].jets > 0);
    CHECK((sums[6].heads[1].loss != 0) == second_head);
  }
}

}  // namespace
}  // namespace jetcal::test
