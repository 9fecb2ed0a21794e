// Batches that the device gathers from jets of its own, and sums of bins.
#include <cstring>
#include <vector>

#include "tests/cuda/two_sides.hpp"
#include "tests/error_text.hpp"
#include "tests/kernels/bin_rows.hpp"

namespace jetcal::test {
namespace {

constexpr std::int64_t kFeatures = 5, kBins = 4, kStride = kFeatures + 6;

/// Jets as the loader has them, with two words behind each record that are none of it.
class Jets {
 public:
  explicit Jets(std::int64_t rows) : sample_(rows, kFeatures), binned_(rows, kBins) {
    for (std::int64_t r = 0; r < rows; ++r) {
      std::vector<float> record(sample_.batch().features.row(r),
                                sample_.batch().features.row(r) + kFeatures);
      record.insert(record.end(), sample_.batch().targets.row(r),
                    sample_.batch().targets.row(r) + 2);
      record.push_back(sample_.weights[static_cast<std::size_t>(r)]);
      for (float const v : record) { words_.push_back(std::bit_cast<std::uint32_t>(v)); }
      words_.push_back(static_cast<std::uint32_t>(binned_.bins[static_cast<std::size_t>(r)]));
      words_.insert(words_.end(), {0xdeadbeefu, 0xdeadbeefu});
    }
  }

  RecordsView view() const { return {{kFeatures, true}, words_.data(), sample_.rows, kStride}; }

  /// Positions first .. first + rows - 1 of an order, in host memory.
  struct Rows {
    std::vector<float> x, targets, weights;
    std::vector<std::int32_t> bins;
    HostBatch batch() const {
      std::int64_t const rows = std::ssize(bins);
      return {{x.data(), rows, kFeatures, padded(kFeatures)},
              {targets.data(), rows, 2, 2},
              weights.data(),
              bins.data()};
    }
  };
  Rows rows(RecordOrder const& order, std::int64_t first, std::int64_t n) const {
    Rows out;
    for (std::int64_t p = first; p < first + n; ++p) {
      std::int64_t const place = order.place(p);
      float const* const x = sample_.batch().features.row(place);
      float const* const targets = sample_.batch().targets.row(place);
      out.x.insert(out.x.end(), x, x + padded(kFeatures));
      out.targets.insert(out.targets.end(), targets, targets + 2);
      out.weights.push_back(sample_.weights[static_cast<std::size_t>(place)]);
      out.bins.push_back(binned_.bins[static_cast<std::size_t>(place)]);
    }
    return out;
  }

 private:
  Sample sample_;
  BinSample binned_;
  std::vector<std::uint32_t> words_;
};

RecordOrder permuted(std::int64_t origin, std::int64_t rows) {
  return {origin, rows,
          Permutation(static_cast<std::uint64_t>(rows), RandomStream(3, Purpose::test))};
}

std::vector<BinSums> some_sums() {
  std::vector<BinSums> sums(kBins);
  sums[1].heads[1].loss = 1e9;
  return sums;
}

TEST_CASE("cuda trains on jets of its own with the CPU's bits, in their bins", "[cuda][resident]") {
  model::Network const network = small_network();
  model::Recording what = with_losses(2);
  model::RecordedNetwork const training = network.record(what, {});
  what.training = false;
  model::RecordedNetwork const evaluation = network.record(what, {});
  Jets const jets(700);
  TwoSides sides(network);
  sides.begin_optimizer(2);
  std::vector<PlannedPass> const passes{{training.tape, 130}, {evaluation.tape, 200}};
  sides.cpu().reserve(passes, 0);
  sides.cuda().reserve(passes, 0);
  std::int64_t const reserved = sides.cuda().memory();
  CHECK_FALSE(sides.cpu().make_resident(jets.view(), 0));
  REQUIRE(sides.cuda().make_resident(jets.view(), 0));
  sides.cpu().begin_bins(some_sums());
  sides.cuda().begin_bins(some_sums());

  std::int64_t t = 1;
  PassOptions const options = both(Divisor::all);
  RecordOrder const order = permuted(0, 500);
  for (int epoch = 0; epoch < 3; ++epoch) {  // the second and third are graphs
    for (std::int64_t first = 0; first < 500; first += 130, ++t) {
      if (sides.in_flight() == 2) { sides.finish(); }
      std::int64_t const rows = std::min<std::int64_t>(130, 500 - first);
      Jets::Rows const on_host = jets.rows(order, first, rows);
      OptimizerStep const step = radam_step(radam_options(RadamPreset::tfa), t, 1e-3);
      // Every third batch comes from the host: both ways go through the same memory.
      bool const resident = t % 3 != 0;
      sides.start_update(training, on_host.batch(),
                         resident ? JetBatch(ResidentBatch{order, first, rows}) : on_host.batch(),
                         options, step);
    }
    while (sides.in_flight() > 0) { sides.finish(); }
    sides.check_same_state();
    CHECK(same_sums(sides.cuda().bins(), sides.cpu().bins()));
  }

  // Held-out jets, and other sums.
  std::vector<BinSums> const trained = sides.cuda().bins();
  CHECK(trained[0].jets > 100);
  sides.cpu().begin_bins(std::vector<BinSums>(kBins));
  sides.cuda().begin_bins(std::vector<BinSums>(kBins));
  RecordOrder const held_out{500, 200, {}};
  Jets::Rows const on_host = jets.rows(held_out, 0, 200);
  sides.start_evaluation(evaluation, on_host.batch(), ResidentBatch{held_out, 0, 200});
  sides.finish();
  CHECK(same_sums(sides.cuda().bins(), sides.cpu().bins()));
  CHECK_FALSE(same_sums(sides.cuda().bins(), trained));
  CHECK(sides.cuda().memory() == reserved);
}

TEST_CASE("cuda adds to other bins from then on, or to none", "[cuda][resident]") {
  model::Network const network = small_network();
  model::Recording what = with_losses(0);
  what.energy_loss = std::nullopt;  // the mass's is the first head
  what.training = false;
  model::RecordedNetwork const net = network.record(what, {});
  Jets const jets(90);
  TwoSides sides(network);
  Jets::Rows const rows = jets.rows({0, 90, {}}, 0, 90);
  for (std::size_t const n_bins : {4u, 9u, 0u, 4u}) {
    CAPTURE(n_bins);
    for (int times = 0; times < 3; ++times) {
      sides.cpu().begin_bins(std::vector<BinSums>(n_bins));
      sides.cuda().begin_bins(std::vector<BinSums>(n_bins));
      sides.start_evaluation(net, rows.batch(), rows.batch());
      sides.finish();
      auto const sums = sides.cuda().bins();
      CHECK(sums.size() == n_bins);
      CHECK(same_sums(sums, sides.cpu().bins()));
      CHECK((n_bins == 0 || (sums[0].heads[0].loss != 0 && sums[0].heads[1].loss == 0)));
      // A batch of the same form that knows of no bins.
      HostBatch unbinned = rows.batch();
      unbinned.bins = nullptr;
      sides.start_evaluation(net, unbinned, unbinned);
      sides.finish();
      CHECK(same_sums(sides.cuda().bins(), sums));
    }
  }
}

TEST_CASE("cuda counts responses of evaluations in the CPU's histograms", "[cuda][resident]") {
  model::Network const network = small_network();
  model::Recording what = with_losses(2);
  model::RecordedNetwork const training = network.record(what, {});
  what.training = false;
  what.energy_loss = std::nullopt;
  what.predict_others = true;  // the energy
  model::RecordedNetwork const net = network.record(what, {});
  Jets const jets(500);
  TwoSides sides(network);
  sides.begin_optimizer(2);
  REQUIRE(sides.cuda().make_resident(jets.view(), 0));
  RecordOrder const order{100, 400, {}};
  std::int64_t counted = 0;
  // Other bins, with weights and without; the third and fourth time it is graphs that count.
  for (auto const& bins :
       {ResponseBins{kBins, response_units(kBins, true)}, ResponseBins{2, {}}, ResponseBins{2, {}},
        ResponseBins{kBins, response_units(kBins, true)}, ResponseBins{0, {}}}) {
    sides.begin_responses(net, bins);
    for (std::int64_t first = 0, batch = 0; first < 400; first += 150, ++batch) {
      if (sides.in_flight() == 2) { sides.finish(); }
      std::int64_t const rows = std::min<std::int64_t>(150, 400 - first);
      Jets::Rows const on_host = jets.rows(order, first, rows);
      bool const resident = batch % 2 == 0;
      sides.start_evaluation(
          net, on_host.batch(),
          resident ? JetBatch(ResidentBatch{order, first, rows}) : on_host.batch());
    }
    while (sides.in_flight() > 0) { sides.finish(); }
    // Neither an update counts, nor a batch that knows of no bins.
    Jets::Rows const others = jets.rows(order, 0, 60);
    sides.start_update(training, others.batch(), others.batch(), both(Divisor::all),
                       radam_step(radam_options(RadamPreset::tfa), 1, 1e-3));
    HostBatch unbinned = others.batch();
    unbinned.bins = nullptr;
    sides.start_evaluation(net, unbinned, unbinned);
    sides.finish();
    sides.finish();
    std::int64_t const jets_of_bins = jets_in(sides.take_responses());
    CHECK(jets_of_bins <= 800);
    CHECK((jets_of_bins > 200) == (bins.count > 0));
    counted += jets_of_bins;
    CHECK_THROWS_AS(sides.cuda().take_responses(), Error);
    sides.start_evaluation(net, others.batch(), others.batch());  // and nothing now
    sides.finish();
  }
  CHECK(counted > 1500);
  CHECK_THROWS_AS(sides.cuda().begin_responses({net.energy, net.mass}, {2, {1}}), Error);
  sides.cuda().begin_responses({-1, net.tape.size()}, {2, {}});
  CHECK_THROWS_AS(
      sides.cuda().start_evaluation(net.tape, ResidentBatch{order, 0, 9}, sides.cuda_parameters()),
      ShapeError);
}

TEST_CASE("jets stay with the host where they do not fit", "[cuda][resident]") {
  model::Network const network = small_network();
  model::RecordedNetwork const net = network.record(with_losses(0), {});
  TwoSides sides(network);
  sides.begin_optimizer(2);
  Jets const jets(60);
  std::int64_t const terabyte = std::int64_t{1} << 40;
  CHECK_FALSE(sides.cuda().make_resident(jets.view(), terabyte));
  std::string const text = error_text<Error>([&] {
    sides.cuda().start_update(
        {net.tape, both(Divisor::all), {}, sides.cuda_parameters(), sides.cuda_states()},
        ResidentBatch{{0, 60, {}}, 0, 60});
  });
  CHECK(has(text, "no jets are resident"));
  CHECK_THROWS_AS(sides.cpu().start_evaluation(net.tape, ResidentBatch{{0, 60, {}}, 0, 60},
                                               sides.cuda_parameters()),
                  Error);
  CHECK_THROWS_AS(sides.cuda().reserve({{net.tape, terabyte}}, 0), DeviceError);
  CHECK_THROWS_AS(sides.cuda().reserve({{net.tape, 60}}, terabyte), DeviceError);
}

}  // namespace
}  // namespace jetcal::test
