#include "kernels/bin_sums.hpp"

namespace jetcal::cpu {

void add_to_bins(BinRows const& rows, BinSums* sums) {
  for (std::int64_t r = 0; r < rows.rows; ++r) {
    if (rows.bins[r] < 0) { continue; }
    BinSums& bin = sums[rows.bins[r]];
    bin.jets += 1;
    bin.weight += static_cast<double>(rows.weights[r]);
    for (std::size_t h = 0; h < 2; ++h) {
      if (rows.heads[h].loss == nullptr) { continue; }
      bin.heads[h].loss += static_cast<double>(rows.heads[h].loss[r]);
      bin.heads[h].kept += static_cast<double>(rows.heads[h].kept[r]);
    }
  }
}

}  // namespace jetcal::cpu
