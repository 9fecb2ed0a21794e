#include "train/schedule.hpp"

#include "engine/errors.hpp"
#include "tests/catch.hpp"
#include "train/collapse_guard.hpp"
#include "train/metrics.hpp"

namespace jetcal::train {
namespace {

TEST_CASE("a step makes as many updates as its epochs hold batches", "[schedule]") {
  StepConfig step;
  step.batch_size = 100;
  step.epochs = 3;
  CHECK(step_length(step, 1000).updates == 30);
  CHECK(step_length(step, 1001).updates_per_epoch == 11);  // the last batch holds one jet
  CHECK(step_length(step, 1001).updates == 33);
  CHECK(step_length(step, 1).updates == 3);
  step.epochs = 0.25;
  CHECK(step_length(step, 1000).updates == 3);  // 2.5, rounded up
}

TEST_CASE("the paper's schedule has its known numbers of updates", "[schedule]") {
  // 259.2 M training jets; updates an epoch ceil(259.2e6 / batch).
  std::int64_t const jets = 259'200'000;
  struct {
    double epochs;
    std::int64_t batch, updates;
  } const steps[] = {
      {2, 15'000, 34'560}, {2, 25'000, 20'736}, {6, 95'000, 16'374}, {50, 95'000, 136'450}};
  for (auto const& s : steps) {
    StepConfig step;
    step.epochs = s.epochs;
    step.batch_size = s.batch;
    CHECK(step_length(step, jets).updates == s.updates);
  }
}

TEST_CASE("the learning rate warms up and falls linearly", "[schedule]") {
  StepConfig step;
  step.learning_rate = step.learning_rate_end = 1e-3;
  CHECK(learning_rate(step, 0, 0, 10) == 1e-3);
  CHECK(learning_rate(step, 0, 9, 10) == 1e-3);
  CHECK(learning_rate(step, 4, 0, 10) == Approx(0.25e-3));
  CHECK(learning_rate(step, 4, 3, 10) == Approx(1e-3));
  CHECK(learning_rate(step, 4, 4, 10) == 1e-3);
  step.learning_rate_end = 1e-4;
  CHECK(learning_rate(step, 0, 0, 10) == 1e-3);
  CHECK(learning_rate(step, 0, 9, 10) == Approx(1e-4));
  CHECK(learning_rate(step, 0, 3, 10) == Approx(7e-4));
  CHECK(learning_rate(step, 0, 0, 1) == 1e-3);
}

TEST_CASE("the average forgets a step's first weights", "[schedule]") {
  StepConfig step;
  step.average_decay = 0.99;
  CHECK(average_decay(step, 0) == Approx(0.1));
  CHECK(average_decay(step, 90) == Approx(0.91));
  CHECK(average_decay(step, 100'000) == 0.99);
}

TEST_CASE("the collapse guard wants several low batches in a row", "[collapse]") {
  StepConfig step;
  step.energy = LossConfig{};
  step.energy->truncation = 1;  // a Gaussian keeps 0.683
  CollapseConfig config;
  config.batches = 3;
  CollapseGuard guard(config, step);
  CHECK(guard.expected(0) == Approx(0.6826894921));
  CHECK(guard.expected(1) == 1.0);
  CHECK_FALSE(guard.collapsed(0, 0.34));
  CHECK_FALSE(guard.collapsed(0, 0.34));
  CHECK_FALSE(guard.collapsed(0, 0.35));  // above half of it: counts again
  CHECK_FALSE(guard.collapsed(0, 0.0));
  CHECK_FALSE(guard.collapsed(1, 0.1));  // the other head has its own count
  CHECK_FALSE(guard.collapsed(0, 0.0));
  auto const counts = guard.counts();
  CHECK(guard.collapsed(0, 0.0));
  CollapseGuard resumed(config, step);
  resumed.set_counts(counts);
  CHECK(resumed.collapsed(0, 0.0));
}

/// A batch as an execution adds it to the bins and its trainer to the totals.
void add(EpochSums& sums, PassResult const& result, std::vector<std::int32_t> const& bins,
         std::vector<float> const& weights) {
  std::vector<BinSums> of_bins = sums.bin_sums();
  BinRows rows{std::ssize(bins), bins.data(), weights.data(), {}};
  for (std::size_t h = 0; h < result.heads.size(); ++h) {
    rows.heads[h] = {result.heads[h].row_loss.data(), result.heads[h].row_kept.data()};
  }
  cpu::add_to_bins(rows, of_bins.data());
  sums.set_bin_sums(of_bins);
  sums.add(result, rows.rows);
}

TEST_CASE("epoch sums are means over the weights, in total and per bin", "[metrics]") {
  EpochSums sums(2, true, true);
  PassResult result;
  result.weight = 6;
  result.heads.resize(2);
  result.heads[0] = {-3, 4, {-1, -2, 0}, {1, 3, 0}};
  result.heads[1] = {12, 6, {2, 4, 6}, {1, 3, 2}};
  add(sums, result, {1, -1, 1}, {1, 3, 2});
  add(sums, result, {0, 0, -1}, {1, 3, 2});
  sums.add_norm(2);
  sums.add_norm(5);
  CHECK(sums.rows() == 6);
  CHECK(sums.mean_norm() == 3.5);
  CHECK(sums.largest_norm() == 5);
  Json const total = sums.totals();
  CHECK(total["loss_energy"].get<double>() == -0.5);
  CHECK(total["kept_energy"].get<double>() == Approx(4.0 / 6));
  CHECK(total["loss_mass"].get<double>() == 2);
  CHECK(total["kept_mass"].get<double>() == 1);
  CHECK(sums.bin_jets(0) == 2);
  CHECK(sums.bin_jets(1) == 2);
  CHECK(sums.bin(0)["loss_energy"].get<double>() == Approx(-3.0 / 4));
  CHECK(sums.bin(1)["loss_mass"].get<double>() == Approx(8.0 / 3));
  CHECK(*sums.bin_kept(1, 0) == Approx(1.0 / 3));
  EpochSums copy(2, true, true);
  copy.set_numbers(sums.numbers());
  CHECK(copy.totals() == total);
  CHECK_THROWS_AS(EpochSums(3, true, true).set_numbers(sums.numbers()), DataError);
}

TEST_CASE("starved bins are named if they hold enough jets to tell", "[metrics]") {
  data::BinsConfig config;
  config.pt_true = {200, 400, 1000};
  data::BinGrid const grid(config);
  EpochSums sums(2, true, false);
  PassResult result;
  result.weight = 100;
  result.heads.resize(1);
  std::vector<std::int32_t> bins;
  for (int i = 0; i < 100; ++i) {
    bins.push_back(i < 60 ? 0 : 1);  // 60 and 40 jets
    result.heads[0].row_loss.push_back(0);
    result.heads[0].row_kept.push_back(i < 20 ? 1.0f : 0.0f);  // a third, and none
  }
  add(sums, result, bins, std::vector<float>(100, 1.0f));
  std::string const text = starved_bins(sums, 0, 0.7, grid);
  CHECK(text.find("1 bins (pT 200-400 GeV") == 0);
  CHECK(starved_bins(sums, 0, 0.6, grid).empty());
  CHECK(starved_bins(sums, 1, 0.7, grid).empty());
}

TEST_CASE("a head that is not trained has no metrics, an empty bin no values", "[metrics]") {
  EpochSums sums(2, false, true);
  PassResult result;
  result.weight = 2;
  result.heads.resize(1);
  result.heads[0] = {3, 2, {1, 2}, {1, 1}};
  add(sums, result, {-1, 1}, {1, 1});
  CHECK(sums.totals()["loss_energy"].is_null());
  CHECK(sums.totals()["loss_mass"].get<double>() == 1.5);
  CHECK(sums.bin(0)["loss_mass"].is_null());
  CHECK(sums.bin(0)["jets"].get<int>() == 0);
  CHECK_FALSE(sums.bin_kept(0, 1).has_value());
  CHECK_FALSE(sums.bin_kept(0, 0).has_value());
  CHECK(sums.bin(1)["loss_mass"].get<double>() == 2);
  CHECK(sums.bin(1)["loss_energy"].is_null());
  EpochSums copy(2, false, true);
  copy.set_numbers(sums.numbers());
  CHECK(copy.bin(1) == sums.bin(1));
  CHECK_THROWS_AS(sums.set_bin_sums(std::vector<BinSums>(3)), ShapeError);
}

}  // namespace
}  // namespace jetcal::train
