#include "kernels/bin_sums.cuh"

#include "tests/catch.hpp"
#include "tests/cuda/device_matrix.hpp"
#include "tests/kernels/bin_rows.hpp"

namespace jetcal::test {
namespace {

/// The sample on the device.
class DeviceSample {
 public:
  explicit DeviceSample(BinSample const& sample)
      : rows_(static_cast<std::int64_t>(sample.bins.size())),
        bins_(bins_as_floats(sample.bins)),
        weights_(sample.weights) {
    for (auto const& list : sample.numbers) { numbers_.emplace_back(list); }
  }

  BinRows rows(bool first_head, bool second_head) {
    BinRows rows{rows_, reinterpret_cast<std::int32_t*>(bins_.data()), weights_.data(), {}};
    if (first_head) { rows.heads[0] = {numbers_[0].data(), numbers_[1].data()}; }
    if (second_head) { rows.heads[1] = {numbers_[2].data(), numbers_[3].data()}; }
    return rows;
  }

 private:
  std::int64_t rows_;
  DeviceArray bins_, weights_;
  std::vector<DeviceArray> numbers_;
};

TEST_CASE("cuda adds rows to bins in the CPU's order, batch after batch", "[cuda][bin_sums]") {
  for (std::int64_t const n_bins : {1, 3, 40}) {
    for (int const heads : {0, 1, 2, 3}) {  // none, the first, the second, both
      bool const first = heads % 2 == 1, second = heads > 1;
      CAPTURE(n_bins, first, second);
      // One more than there are: the last may not change.
      std::vector<BinSums> want(static_cast<std::size_t>(n_bins + 1));
      want[0].heads[0].loss = 1e9;
      want[0].jets = 3;
      DeviceNumbers<BinSums> sums(want.size());
      context().start_upload(want.data(), sums.data(), want.size() * sizeof(BinSums));
      for (std::int64_t const rows : {0, 1, 31, 33, 1023, 1024, 1025, 2500}) {
        if (rows > 33 && n_bins == 40 && heads < 3) { continue; }
        BinSample const sample(rows, n_bins);
        DeviceSample on_device(sample);
        cuda::add_to_bins(stream(), on_device.rows(first, second), n_bins, sums.data());
        cpu::add_to_bins(sample.rows(first, second), want.data());
        CAPTURE(rows);
        CHECK(same_sums(sums.values(), want));
      }
    }
  }
}

TEST_CASE("cuda leaves rows alone whose bin is none of its own", "[cuda][bin_sums]") {
  BinSample const sample(300, 9);
  DeviceSample on_device(sample);
  std::vector<BinSums> want(9);
  cpu::add_to_bins(sample.rows(true, true), want.data());
  std::fill(want.begin() + 4, want.end(), BinSums{});
  DeviceNumbers<BinSums> sums(9);
  cuda::add_to_bins(stream(), on_device.rows(true, true), 4, sums.data());
  cuda::add_to_bins(stream(), on_device.rows(true, true), 0, sums.data());
  CHECK(same_sums(sums.values(), want));
}

}  // namespace
}  // namespace jetcal::test
