// Histograms of responses that evaluations of a network fill.

#include <vector>

#include "kernels/execution.hpp"
#include "model/network.hpp"
#include "tests/catch.hpp"
#include "tests/error_text.hpp"
#include "tests/kernels/response_rows.hpp"

namespace jetcal::model {
namespace {

constexpr std::int64_t kRows = 1000, kFeatures = 4, kBins = 3;

/// A network, and jets whose targets, weights and bins are those of a ResponseSample.
struct Problem {
  Problem() : jets(kRows, kBins), x(test::uniform(kRows * 16, -1, 1, test::seed_of("responses"))) {
    for (float& w : jets.weights) { w = std::isfinite(w) && w > 0 ? w : 0.5f; }
    for (float& t : jets.targets) { t = std::isfinite(t) ? t : 1; }
  }
  HostBatch batch(std::int64_t first = 0, std::int64_t rows = kRows) const {
    auto const ld = test::ResponseSample::kTargetLd;
    return {{x.data() + 16 * first, rows, kFeatures, 16},
            {jets.targets.data() + ld * first, rows, 2, ld},
            jets.weights.data() + first,
            jets.bins.data() + first};
  }
  Network network() const {
    NetworkConfig config;
    config.core = {17};
    config.fork = {19};
    config.gate = {18};
    return {config, {"eta", "a", "b", "c"}};
  }
  test::ResponseSample jets;
  std::vector<float> x;
};

/// Losses of the mass alone, and the energy predicted beside it if it is `asked` for.
RecordedNetwork mass_losses(Network const& network, bool asked) {
  Recording what;
  what.mass_loss = LossConfig{};
  what.predict_others = asked;
  return network.record(what, {});
}

TEST_CASE("evaluations count the responses of their predictions, on any threads", "[responses]") {
  Problem const problem;
  Network const network = problem.network();
  RecordedNetwork const net = mass_losses(network, true);
  RecordedNetwork const plain = mass_losses(network, false);
  RecordedNetwork const prediction = network.record({}, {});
  REQUIRE((net.energy >= 0 && net.mass >= 0 && plain.energy < 0));
  Buffer parameters({}, network.layout().size());
  parameters.upload(network.initial_parameters(3));
  for (bool const weighted : {false, true}) {
    ResponseBins const bins{kBins, test::response_units(kBins, weighted)};
    std::vector<ResponseHistograms> found;
    for (int const threads : {1, 2, 5}) {
      ExecutionOptions options;
      options.threads = threads;
      auto const execution = make_execution(options);
      PassResult const without = execution->evaluate(plain.tape, problem.batch(), parameters);
      execution->begin_responses({net.energy, net.mass}, bins);
      PassResult const& with = execution->evaluate(net.tape, problem.batch(0, 421), parameters);
      CHECK(with.heads.size() == 1);
      CHECK(with.heads[0].row_loss.empty());
      execution->evaluate(net.tape, problem.batch(421, 579), parameters);
      HostBatch no_bins = problem.batch();
      no_bins.bins = nullptr;
      double const loss = execution->evaluate(net.tape, no_bins, parameters).heads[0].loss;
      CHECK(loss == without.heads[0].loss);  // the energy beside it changes nothing
      found.push_back(execution->take_responses());
      CHECK(test::has(test::error_text<Error>([&] { execution->take_responses(); }),
                      "begin_responses comes first"));
      execution->evaluate(net.tape, problem.batch(), parameters);  // and counts nothing
      execution->begin_responses({-1, plain.mass}, bins);
      execution->evaluate(plain.tape, problem.batch(), parameters);
      CHECK(test::jets_in(execution->take_responses()) > 100);
      execution->begin_responses({-1, plain.tape.size()}, bins);
      CHECK_THROWS_AS(execution->evaluate(plain.tape, problem.batch(), parameters), ShapeError);
    }
    // The same of predictions.
    std::vector<float> energy(3 * kRows), mass(3 * kRows);
    auto const execution = make_execution({});
    ConstMat const features = problem.batch().features;
    execution->predict(prediction.tape, features, parameters, {prediction.energy, prediction.mass},
                       {Mat{energy.data(), kRows, 3, 3}, Mat{mass.data(), kRows, 3, 3}});
    ResponseRows rows = problem.jets.view(false, false);
    rows.predictions[0] = {energy.data(), kRows, 3, 3};
    rows.predictions[1] = {mass.data(), kRows, 3, 3};
    ResponseHistograms want(bins);
    cpu::count_responses(rows, want.counters());
    CAPTURE(weighted);
    for (ResponseHistograms const& got : found) { CHECK(test::same_histograms(got, want)); }
    CHECK(test::jets_in(want) > 1000);
  }
}

}  // namespace
}  // namespace jetcal::model
