#include "validate/binned_sample.hpp"

#include <algorithm>
#include <cmath>
#include <optional>
#include <vector>

#include "data/bins.hpp"
#include "tests/catch.hpp"
#include "tests/check_close.hpp"
#include "tests/validate/densities.hpp"
#include "validate/epoch_closure.hpp"
#include "validate/response_point.hpp"

namespace jetcal::validate {
namespace {

using test::Density;

/// Responses of one bin as an evaluation counts them: those of energy, or of mass.
void count(std::vector<float> const& responses, std::vector<float> const& weights, std::int32_t bin,
           int response, ResponseHistograms& to) {
  std::int64_t const n = std::ssize(responses);
  std::vector<float> const ones(responses.size(), 1);
  std::vector<float> targets;
  for (float const r : responses) {
    targets.push_back(response == 0 ? r : -1);
    targets.push_back(response == 1 ? r : -1);
  }
  std::vector<std::int32_t> const bins(responses.size(), bin);
  ResponseRows rows{n,
                    bins.data(),
                    weights.empty() ? ones.data() : weights.data(),
                    {targets.data(), n, 2, 2},
                    {}};
  rows.predictions[response] = {ones.data(), n, 1, 1};
  cpu::count_responses(rows, to.counters());
}

ResponseHistograms histograms(std::vector<float> const& responses,
                              std::vector<float> const& weights = {}) {
  ResponseHistograms to({1, weights.empty() ? std::vector<float>{} : std::vector<float>{1}});
  count(responses, weights, 0, 0, to);
  return to;
}

/// What is measured of cells, from what is measured of the jets, in statistical errors.
struct Distance {
  double mode, width, error;
};

Distance distance(std::vector<float> const& responses, std::vector<float> const& weights = {}) {
  ResponsePoint const want = measure(SortedSample(responses, weights), {});
  ResponseHistograms const cells = histograms(responses, weights);
  BinnedSample const sample(cells, 0, 0);
  CHECK(sample.jets() == want.jets);
  CHECK(sample.effective_entries() == Approx(want.effective_entries).epsilon(1e-4));
  ModeEstimate const mode = estimate_mode(sample, {});
  double const width = (sample.quantile(kHighQuantile) - sample.quantile(kLowQuantile)) / mode.mode;
  return {std::abs(mode.mode - *want.mode) / *want.mode_error,
          std::abs(width - *want.iqr68_over_mode) / *want.iqr68_over_mode_error,
          std::abs(mode.error / *want.mode_error - 1)};
}

/// Responses like those of energy and mass, early and late in a training.
std::vector<Density> responses() {
  std::vector<Density> all = test::densities();
  all.push_back({"narrow", {{1, 1, .03, .03}}, 1});
  all.push_back({"low", {{1, .6, .05, .07}}, .6});
  all.push_back({"far off", {{1, 7, .5, .9}}, 7});
  all.push_back({"tails beyond all cells", {{.6, 1, .1, .1}, {.4, 1.5, .3, 9}}, 1});
  return all;
}

// A fit ends when its mean moves by less than a tolerance, or after six: now and then it ends one
// earlier for a change as small as that of the histogram's range by 0.1 %. So not all are close.
TEST_CASE("cells give the mode and width of their jets within a part of the errors", "[binned]") {
  for (Density const& density : responses()) {
    for (auto const& [jets, repeats] : {std::pair{300, 60}, {20'000, 20}}) {
      std::vector<double> modes, widths, errors;
      for (int i = 0; i < repeats; ++i) {
        auto const name = density.name;
        auto const seed = test::seed_of(name, jets + i);
        bool const weighted = i % 4 == 3;
        std::vector<float> weights;
        if (weighted) { weights = test::uniform(jets, 0.2, 5, seed); }
        Distance const d = distance(density.sample(jets, seed), weights);
        modes.push_back(d.mode);
        widths.push_back(d.width);
        errors.push_back(d.error);
      }
      for (auto* const list : {&modes, &widths, &errors}) { std::sort(list->begin(), list->end()); }
      auto const middle = modes.size() / 2, most = modes.size() * 9 / 10;
      CAPTURE(density.name, jets, modes[middle], modes[most], widths[middle], widths[most]);
      CHECK(modes[middle] < 0.1);
      CHECK(modes[most] < 0.3);
      CHECK(widths[middle] < 0.1);
      CHECK(widths[most] < 0.2);
      CHECK(errors[middle] < 0.05);
    }
  }
}

TEST_CASE("quantiles and sums of cells are those of their jets within a cell", "[binned]") {
  for (Density const& density : responses()) {
    auto const values = density.sample(5000, test::seed_of(density.name));
    SortedSample const want(values);
    ResponseHistograms const cells = histograms(values);
    BinnedSample const got(cells, 0, 0);
    for (double const p : {0.02, 0.16, 0.5, 0.84}) {
      CAPTURE(density.name, p);
      CHECK(std::abs(got.quantile(p) - want.quantile(p)) < want.quantile(p) / 1024);
    }
    double const x = want.quantile(0.3);
    double const near = want.below(x + x / 1024).weight - want.below(x - x / 1024).weight;
    CHECK(std::abs(got.below(x).weight - want.below(x).weight) <= near);
    CHECK(got.below(x).square == got.below(x).weight);
    CHECK(got.below(-1).weight == 0);
    CHECK(got.below(0).weight == 0);
    CHECK(got.below(40).weight == 5000);
    CHECK(got.total_weight() == 5000);
  }
}

TEST_CASE("jets spread over their cells are again in these cells", "[binned]") {
  auto const values = test::densities()[3].sample(4000, 5);
  auto const weights = test::uniform(4000, 0.5, 2, 6);
  for (bool const weighted : {false, true}) {
    ResponseHistograms const cells = histograms(values, weighted ? weights : std::vector<float>{});
    BinnedSample const sample(cells, 0, 0);
    SortedSample const spread = sample.spread();
    std::vector<float> again, again_weights;
    for (std::int64_t i = 0; i < spread.size(); ++i) {
      again.push_back(static_cast<float>(spread.value(i)));
    }
    CHECK(histograms(again).jets == cells.jets);
    CHECK(spread.total_weight() == Approx(sample.total_weight()).epsilon(1e-6));
    CHECK(spread.below(1.01).weight == Approx(sample.below(1.01).weight).epsilon(2e-3));
  }
}

TEST_CASE("without a fit, cells give the half-sample mode of their jets", "[binned]") {
  // Two far peaks, the higher one narrow: no Gaussian fits the middle.
  Density const density{"two peaks", {{.52, .5, .004, .004}, {.48, 3, .02, .02}}, .5};
  auto const values = density.sample(600, 9);
  ModeEstimate const want = estimate_mode(SortedSample(values), {});
  REQUIRE(want.method == ModeMethod::half_sample);
  ResponseHistograms const cells = histograms(values);
  ModeEstimate const got = estimate_mode(BinnedSample(cells, 0, 0), {});
  CHECK(got.method == ModeMethod::half_sample);
  CHECK(std::abs(got.mode - want.mode) < 2e-3);
  CHECK(got.error > 0);
}

TEST_CASE("the closure of an epoch is of each bin's own jets", "[binned]") {
  data::BinsConfig config;
  config.pt_true = {200, 400, 600, 800, 1000};
  config.mass_true = {20, 60, 100};
  data::BinGrid const grid(config);  // bins of odd number: masses from 60 GeV on
  REQUIRE(grid.count() == 8);
  ResponseHistograms responses({8, {}});
  Density const at_1{"one", {{1, 1, .1, .1}}, 1}, low{"low", {{1, .9, .1, .1}}, .9};
  count(at_1.sample(2000, 1), {}, 1, 0, responses);
  count(low.sample(2000, 2), {}, 2, 0, responses);
  count(low.sample(199, 3), {}, 4, 0, responses);    // too few
  count(at_1.sample(2000, 4), {}, 2, 1, responses);  // of masses from 20 GeV on
  count(low.sample(3000, 5), {}, 3, 1, responses);
  ThreadPool threads(2);
  Json const json = epoch_closure(responses, grid, threads);
  Json const& energy = json["energy"];
  REQUIRE(energy["rows"].size() == 2);
  CHECK(energy["bins"] == 2);
  CHECK(energy["rows"][0]["bin"] == 1);
  CHECK(energy["rows"][1]["bin"] == 2);
  CHECK(energy["rows"][1]["jets"] == 2000);
  ResponsePoint const want = measure(SortedSample(low.sample(2000, 2)), {});
  CHECK(energy["rows"][1]["mode"].get<double>() ==
        Approx(*want.mode).margin(0.2 * *want.mode_error));
  CHECK(energy["rows"][1]["mode_error"].get<double>() == Approx(*want.mode_error).epsilon(0.02));
  CHECK(energy["rows"][1]["iqr68_over_mode"].get<double>() ==
        Approx(*want.iqr68_over_mode).margin(0.2 * *want.iqr68_over_mode_error));
  CHECK(energy["within_1"] == 0.5);
  CHECK(energy["within_5"] == 0.5);
  CHECK(energy["worst"].get<double>() == Approx(0.1).margin(0.02));
  REQUIRE(json["mass"]["rows"].size() == 1);
  CHECK(json["mass"]["rows"][0]["bin"] == 3);
  CHECK(json["mass"]["rows"][0]["jets"] == 3000);
  Json const none = epoch_closure(ResponseHistograms({8, {}}), grid, threads);
  CHECK(none["energy"].is_null());
}

}  // namespace
}  // namespace jetcal::validate
