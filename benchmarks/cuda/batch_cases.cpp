// What a batch goes through before and after the network: gathered out of the resident jets; its
// losses summed over rows, and by bin. To the bits of the CPU's.

#include <memory>

#include "benchmarks/cuda/cases.hpp"
#include "benchmarks/cuda/kinds.hpp"
#include "kernels/bin_sums.cuh"
#include "kernels/gather.cuh"
#include "kernels/reduce.cuh"
#include "tests/kernels/bin_rows.hpp"

namespace jetcal::bench {
namespace {

using test::Comparison;
using test::DeviceArray;
using test::DeviceNumbers;

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
  test::DeviceMatrix features;
  DeviceArray targets, weights;
  DeviceNumbers<std::int32_t> bins;
};

Case gather(std::int64_t rows) {
  auto const batch = std::make_shared<Gathered>(rows);
  // A record is read; features with their padding, targets, weight and bin are written.
  return {bytes(rows, Gathered::kForm.words() + padded(Gathered::kForm.features) + 2 + 1 + 1), 0, 0,
          [batch] { batch->enqueue(); }, [batch] { return batch->check(); }};
}

/// Losses and kept weights of both heads, in the bins of recipes/paper.json.
struct Binned {
  static constexpr std::int64_t kBins = 9 * 7 * 5;

  explicit Binned(std::int64_t rows) : sample(rows, kBins), weights(sample.weights), bins(rows) {
    for (auto const& list : sample.numbers) { numbers.emplace_back(list); }
    test::context().start_upload(sample.bins.data(), bins.data(), 4 * sample.bins.size());
    test::context().synchronize();
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
          {"sum_rows/fp32/own", false, sum_rows}};
}

}  // namespace jetcal::bench
