// What a batch goes through before and after the network: gathered out of the resident jets; its
// losses summed over rows, and by bin; its responses counted. To the bits of the CPU's.

#include <memory>
#include <utility>

#include "benchmarks/cuda/cases.hpp"
#include "benchmarks/cuda/kinds.hpp"
#include "kernels/bin_sums.cuh"
#include "kernels/gather.cuh"
#include "kernels/reduce.cuh"
#include "kernels/response_histogram.cuh"
#include "tests/kernels/bin_rows.hpp"
#include "tests/kernels/response_rows.hpp"

namespace jetcal::bench {
namespace {

using test::Comparison;
using test::DeviceArray;
using test::DeviceMatrix;
using test::DeviceNumbers;
using test::HostMatrix;

constexpr std::int64_t kBins = 9 * 7 * 5;  // those of recipes/paper.json

/// A batch of the paper's 21 features, drawn from four times as many jets.
struct Gathered {
  static constexpr RecordForm kForm{21, false};

  explicit Gathered(std::int64_t n)
      : rows(n),
        order{0, 4 * n,
              Permutation(static_cast<std::uint64_t>(4 * n), RandomStream(1, Purpose::test))},
        records(test::uniform(4 * n * kForm.words(), -1, 1, test::seed_of("records"))),
        on_records(records),
        features(n, kForm.features, 0),
        targets(std::vector<float>(static_cast<std::size_t>(2 * n))),
        weights(std::vector<float>(static_cast<std::size_t>(n))),
        bins(static_cast<std::size_t>(n)) {}

  void enqueue() {
    auto const* const words = reinterpret_cast<std::uint32_t const*>(on_records.data());
    cuda::gather(test::stream(), words, kForm, order, 0,
                 {features.view(), targets.data(), weights.data(), bins.data()});
  }

  Comparison check() {
    std::vector<float> want, want_targets, got_bins, want_bins;
    for (std::int64_t r = 0; r < rows; ++r) {
      auto const record = records.begin() + order.place(r) * kForm.words();
      want.insert(want.end(), record, record + kForm.features);
      want_targets.insert(want_targets.end(), record + kForm.target_at(),
                          record + kForm.target_at() + 2);
      want_bins.push_back(record[kForm.bin_at()]);
    }
    for (std::int32_t const bin : bins.values()) { got_bins.push_back(std::bit_cast<float>(bin)); }
    std::vector<float> const ones(static_cast<std::size_t>(rows), 1.0f);
    for (auto const& found : {test::compare_bits(features.values(), want),
                              test::compare_bits(targets.values(), want_targets),
                              test::compare_bits(weights.values(), ones)}) {
      if (!found.ok) { return found; }
    }
    return test::compare_bits(got_bins, want_bins);
  }

  std::int64_t rows;
  RecordOrder order;
  std::vector<float> records;
  DeviceArray on_records;
  DeviceMatrix features;
  DeviceArray targets, weights;
  DeviceNumbers<std::int32_t> bins;
};

Case gather(std::int64_t rows) {
  auto const batch = std::make_shared<Gathered>(rows);
  // A record is read; features with their padding, targets, weight and bin are written.
  return {bytes(rows, Gathered::kForm.words() + padded(Gathered::kForm.features) + 2 + 1 + 1), 0, 0,
          [batch] { batch->enqueue(); }, [batch] { return batch->check(); }};
}

/// The bins of a sample on the device.
DeviceNumbers<std::int32_t> on_device(std::vector<std::int32_t> const& bins) {
  DeviceNumbers<std::int32_t> copy(bins.size());
  test::context().start_upload(bins.data(), copy.data(), 4 * bins.size());
  test::context().synchronize();
  return copy;
}

/// Losses and kept weights of both heads.
struct Binned {
  explicit Binned(std::int64_t rows)
      : sample(rows, kBins), weights(sample.weights), bins(on_device(sample.bins)) {
    for (auto const& list : sample.numbers) { numbers.emplace_back(list); }
  }

  void enqueue() {
    BinRows const rows{
        std::ssize(sample.bins),
        bins.data(),
        weights.data(),
        {{numbers[0].data(), numbers[1].data()}, {numbers[2].data(), numbers[3].data()}}};
    cuda::add_to_bins(test::stream(), rows, kBins, sums.data());
    ++times;
  }

  Comparison check() {  // the sums go on
    for (; times > 0; --times) { cpu::add_to_bins(sample.rows(true, true), want.data()); }
    return {test::same_sums(sums.values(), want), "sums of a bin differ"};
  }

  test::BinSample sample;
  DeviceArray weights;
  DeviceNumbers<std::int32_t> bins;
  std::vector<DeviceArray> numbers;
  DeviceNumbers<BinSums> sums{kBins};
  std::vector<BinSums> want{kBins};
  int times = 0;
};

Case add_to_bins(std::int64_t rows) {
  auto const binned = std::make_shared<Binned>(rows);
  return {bytes(rows, 1 + 1 + 4), 0, 0, [binned] { binned->enqueue(); },
          [binned] { return binned->check(); }};
}

/// Responses of both heads and their weights: within 20 % of 1, as crowded as those of calibrated
/// jets.
struct Histogrammed {
  explicit Histogrammed(std::int64_t rows)
      : sample(rows, kBins),
        targets(near_one(2 * rows, "targets")),
        energy(HostMatrix::of(rows, 3, near_one(3 * rows, "energy"))),
        mass(HostMatrix::of(rows, 3, near_one(3 * rows, "mass"))),
        want({kBins, std::vector<float>(kBins, 1.0f)}),
        weights(sample.weights),
        units(want.bins.units),
        on_targets(targets),
        bins(on_device(sample.bins)),
        on_energy(energy),
        on_mass(mass) {}

  static std::vector<float> near_one(std::int64_t n, std::string_view name) {
    return test::uniform(n, 0.9, 1.1, test::seed_of(name));
  }

  void enqueue() {
    std::int64_t const rows = std::ssize(sample.bins);
    cuda::count_responses(test::stream(),
                          {rows,
                           bins.data(),
                           weights.data(),
                           {on_targets.data(), rows, 2, 2},
                           {std::as_const(on_energy).view(), std::as_const(on_mass).view()}},
                          {kBins, units.data(), sums.data(), squares.data(), jets.data()});
    ++times;
  }

  Comparison check() {  // the counters go on
    std::int64_t const rows = std::ssize(sample.bins);
    for (; times > 0; --times) {
      cpu::count_responses({rows,
                            sample.bins.data(),
                            sample.weights.data(),
                            {targets.data(), rows, 2, 2},
                            {std::as_const(energy).view(), std::as_const(mass).view()}},
                           want.counters());
    }
    ResponseHistograms got(want.bins);
    got.weights = sums.values();
    got.squares = squares.values();
    got.jets = jets.values();
    return {test::same_histograms(got, want), "counters of a histogram differ"};
  }

  static constexpr std::size_t kCounters = kBins * kResponses * kResponseCells;
  test::BinSample sample;
  std::vector<float> targets;
  HostMatrix energy, mass;
  ResponseHistograms want;
  DeviceArray weights, units, on_targets;
  DeviceNumbers<std::int32_t> bins;
  DeviceMatrix on_energy, on_mass;
  DeviceNumbers<std::uint64_t> sums{kCounters}, squares{kCounters};
  DeviceNumbers<std::uint32_t> jets{kCounters};
  int times = 0;
};

Case count_responses(std::int64_t rows) {
  auto const counted = std::make_shared<Histogrammed>(rows);
  // Bin, weight, both targets and predictions are read; for each response a counter of jets and two
  // of twice the size are read and written.
  return {bytes(rows, 1 + 1 + 2 + 2) + 2 * bytes(rows, kResponses * (1 + 2 + 2)), 0, 0,
          [counted] { counted->enqueue(); }, [counted] { return counted->check(); }};
}

Case sum_rows(std::int64_t rows) {
  auto const x =
      std::make_shared<std::vector<float>>(test::uniform(rows, -1, 1, test::seed_of("losses")));
  auto const on_x = std::make_shared<DeviceArray>(*x);
  Lanes const lanes(rows, 8);
  auto const sums = std::make_shared<DeviceNumbers<double>>(
      static_cast<std::size_t>(cuda::kMostRowArrays * lanes.count));
  auto const totals = std::make_shared<DeviceNumbers<double>>(cuda::kMostRowArrays);
  return {bytes(rows, 1), 0, 0,
          [=] {
            cuda::sum_rows(test::stream(), {{on_x->data()}}, lanes, sums->data(), totals->data());
          },
          [=] {
            double want = 0;
            for (float const v : *x) { want += static_cast<double>(v); }
            std::vector<double> const got{totals->values()[0]};
            return test::compare(got, std::vector<double>{want},
                                 {1e-12, 1e-12 * static_cast<double>(rows)});
          }};
}

}  // namespace

std::vector<NamedCase> batch_cases() {
  return {{"gather/fp32/own", false, gather},
          {"add_to_bins/fp32/own", false, add_to_bins},
          {"count_responses/fp32/own", false, count_responses},
          {"sum_rows/fp32/own", false, sum_rows}};
}

}  // namespace jetcal::bench
