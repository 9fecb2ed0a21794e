#include "kernels/response_histogram.cuh"

#include "tests/catch.hpp"
#include "tests/cuda/device_matrix.hpp"
#include "tests/error_text.hpp"
#include "tests/kernels/response_rows.hpp"

namespace jetcal::test {
namespace {

/// The sample on the device.
class DeviceResponseSample {
 public:
  explicit DeviceResponseSample(ResponseSample const& sample)
      : bins_(bins_as_floats(sample.bins)),
        weights_(sample.weights),
        targets_(sample.targets),
        energy_(sample.energy),
        mass_(sample.mass) {}

  /// A view of the same form as that of the host.
  ResponseRows view(ResponseRows rows) {
    rows.bins = reinterpret_cast<std::int32_t*>(bins_.data());
    rows.weights = weights_.data();
    rows.targets.data = targets_.data();
    if (rows.predictions[0].data != nullptr) { rows.predictions[0].data = energy_.data(); }
    if (rows.predictions[1].data != nullptr) { rows.predictions[1].data = mass_.data(); }
    return rows;
  }

 private:
  DeviceArray bins_, weights_, targets_, energy_, mass_;
};

/// Counters on the device, with one bin more than they are said to have.
class DeviceCounters {
 public:
  explicit DeviceCounters(ResponseBins const& bins)
      : bins_(bins),
        n_(static_cast<std::size_t>(bins.counters() + kResponses * kResponseCells)),
        weights_(n_),
        squares_(n_),
        jets_(n_),
        units_(bins.units) {}

  ResponseCounters view() {
    bool const weighted = !bins_.units.empty();
    return {bins_.count, weighted ? units_.data() : nullptr, weights_.data(), squares_.data(),
            jets_.data()};
  }

  ResponseHistograms values() {
    ResponseHistograms found(bins_);
    found.jets = jets_.values();
    found.weights = weights_.values();
    found.squares = squares_.values();
    bool const untouched = std::all_of(found.jets.end() - kResponses * kResponseCells,
                                       found.jets.end(), [](std::uint32_t n) { return n == 0; });
    CHECK(untouched);
    for (auto* const list : {&found.weights, &found.squares}) {
      bool const used = std::any_of(list->begin(), list->end(), [](auto n) { return n != 0; });
      CHECK_FALSE((used && bins_.units.empty()));
      list->resize(bins_.units.empty() ? 0 : static_cast<std::size_t>(bins_.counters()));
    }
    found.jets.resize(static_cast<std::size_t>(bins_.counters()));
    return found;
  }

 private:
  ResponseBins bins_;
  std::size_t n_;
  DeviceNumbers<std::uint64_t> weights_, squares_;
  DeviceNumbers<std::uint32_t> jets_;
  DeviceArray units_;
};

TEST_CASE("cuda counts responses in the CPU's histograms, batch after batch", "[cuda][responses]") {
  for (bool const weighted : {true, false}) {
    for (int const heads : {1, 2, 3}) {  // energy, mass, both
      bool const energy = heads % 2 == 1, mass = heads > 1;
      ResponseBins const bins{3, response_units(3, weighted)};
      ResponseHistograms want(bins);
      DeviceCounters got(bins);
      for (std::int64_t const rows : {1, 31, 257, 3000}) {
        if (rows == 3000 && heads < 3) { continue; }
        ResponseSample const sample(rows, 3);
        DeviceResponseSample on_device(sample);
        ResponseRows const host = sample.view(energy, mass);
        cpu::count_responses(host, want.counters());
        cuda::count_responses(stream(), on_device.view(host), got.view());
      }
      CAPTURE(weighted, heads);
      CHECK(same_histograms(got.values(), want));
      CHECK(jets_in(want) > 100);
    }
  }
}

TEST_CASE("cuda counts nothing of no rows and no bins", "[cuda][responses]") {
  ResponseSample const sample(40, 1);
  DeviceResponseSample on_device(sample);
  DeviceCounters none({0, {}});
  cuda::count_responses(stream(), on_device.view(sample.view(true, true)), none.view());
  CHECK(jets_in(none.values()) == 0);
  ResponseRows rows = on_device.view(sample.view(true, true));
  DeviceCounters one({1, {}});
  rows.rows = rows.targets.rows = rows.predictions[0].rows = rows.predictions[1].rows = 0;
  cuda::count_responses(stream(), rows, one.view());
  CHECK(jets_in(one.values()) == 0);
  rows.targets.rows = 1;
  CHECK_THROWS_AS(cuda::count_responses(stream(), rows, one.view()), ShapeError);
}

}  // namespace
}  // namespace jetcal::test
