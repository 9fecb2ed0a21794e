#include "kernels/response_histogram.hpp"

#include <cmath>
#include <map>
#include <vector>

#include "kernels/response_histogram.math.hpp"
#include "tests/catch.hpp"
#include "tests/error_text.hpp"
#include "tests/kernels/response_rows.hpp"

namespace jetcal::test {
namespace {

/// Where cell 1 + i begins, i >= 0: 1024 steps of equal size in each octave from 1/4 on.
double edge(int i) { return std::ldexp(1 + i % 1024 / 1024.0, i / 1024 - 2); }

TEST_CASE("the cells of responses are 1024 equal ones in each octave", "[responses]") {
  REQUIRE(kResponseCells == 2 + 6 * 1024);
  CHECK(response_edge(0) == 0);
  CHECK(response_edge(kResponseCells) == 32);
  for (int i = 0; i <= 6 * 1024; ++i) {
    auto const at = static_cast<float>(edge(i));
    CAPTURE(i, at);
    REQUIRE(static_cast<double>(at) == edge(i));
    REQUIRE(response_edge(1 + i) == edge(i));
    REQUIRE(math::response_cell(at) == 1 + i);
    REQUIRE(math::response_cell(std::nextafter(at, 0.0f)) == i);
  }
  for (float const below : {0.2499f, 1e-40f, 0.0f, -0.0f, -3.0f}) {
    CHECK(math::response_cell(below) == 0);
  }
  for (float const above : {16.0f, 17.0f, 3e38f}) {
    CHECK(math::response_cell(above) == kResponseCells - 1);
  }
}

TEST_CASE("weights are whole numbers of 2^-16 units, squares of its square", "[responses]") {
  RandomStream const random(seed_of("whole weights"), Purpose::test);
  double off = 0;
  for (std::uint64_t i = 0; i < 20'000; ++i) {
    float const unit = std::ldexp(1.0f, static_cast<int>(random.bits(3 * i) % 60) - 30);
    auto const w = static_cast<float>(static_cast<double>(unit) *
                                      std::exp2(40 * random.uniform(3 * i + 1) - 24));
    double const exact = static_cast<double>(w) / static_cast<double>(unit) * 65536;
    auto const want = static_cast<std::uint64_t>(std::min(std::floor(exact + 0.5), 4294967040.0));
    CAPTURE(i, w, unit);
    std::uint32_t const got = math::whole_weight(w, unit);
    REQUIRE(got == want);
    if (exact < 4294967040.0) { off = std::max(off, std::abs(got - exact) / 65536); }
    auto const square = static_cast<unsigned __int128>(got) * got;
    REQUIRE(math::whole_square(got) ==
            static_cast<std::uint64_t>((square + (1 << 15)) / (1 << 16)));
  }
  CHECK(off <= std::ldexp(1.0, -17));
  CHECK(off > 0.9 * std::ldexp(1.0, -17));  // the bound is met
  CHECK(math::whole_weight(1, 1) == 65536);
  CHECK(math::whole_square(65536) == 65536);
  CHECK(math::whole_weight(65'535.98828125f, 1) == 4'294'966'528u);
  for (float const large : {65'536.0f, 1e30f, std::numeric_limits<float>::infinity()}) {
    CHECK(math::whole_weight(large, 1) == 4'294'967'040u);
  }
  CHECK(math::whole_weight(3e38f, 1e-38f) == 4'294'967'040u);
  CHECK(math::whole_square(4'294'967'040u) == 281'474'943'156'225u);  // (2^24 - 1)^2
}

/// A histogram by definition, in double: which cell, found by its edges, has how much.
struct Count {
  std::uint32_t jets = 0;
  std::uint64_t weight = 0, square = 0;
};
std::map<std::int64_t, Count> counted(ResponseSample const& sample, std::int64_t n_bins,
                                      std::vector<float> const& units, bool energy, bool mass) {
  std::map<std::int64_t, Count> out;
  for (std::size_t r = 0; r < sample.bins.size(); ++r) {
    for (std::size_t v = 0; v < 2; ++v) {
      if (!(v == 0 ? energy : mass)) { continue; }
      float const predicted =
          v == 0 ? sample.energy[r * ResponseSample::kPredictionLd] : sample.mass[r];
      float const response = sample.targets[r * ResponseSample::kTargetLd + v] / predicted;
      bool const in_bin = sample.bins[r] >= 0 && sample.bins[r] < n_bins;
      if (!in_bin || !std::isfinite(response) || !(sample.weights[r] > 0)) { continue; }
      std::int64_t cell = 0;
      while (cell < 6 * 1024 + 1 && static_cast<double>(response) >= edge(static_cast<int>(cell))) {
        ++cell;
      }
      Count& to = out[(sample.bins[r] * 2 + static_cast<std::int64_t>(v)) * kResponseCells + cell];
      ++to.jets;
      if (units.empty()) { continue; }
      float const unit = units[static_cast<std::size_t>(sample.bins[r])];
      std::uint32_t const whole = math::whole_weight(sample.weights[r], unit);
      to.weight += whole;
      to.square += math::whole_square(whole);
    }
  }
  return out;
}

TEST_CASE("a histogram has each jet's responses, in its bin and cell", "[responses]") {
  for (bool const weighted : {true, false}) {
    for (int const heads : {1, 2, 3}) {
      bool const energy = heads % 2 == 1, mass = heads > 1;
      std::vector<float> const units = response_units(3, weighted);
      ResponseSample const sample(900, 3);
      ResponseHistograms got({3, units});
      for (int batch = 0; batch < 2; ++batch) {  // goes on from what is there
        cpu::count_responses(sample.view(energy, mass), got.counters());
      }
      auto const want = counted(sample, 3, units, energy, mass);
      std::size_t others = 0;
      for (std::int64_t c = 0; c < got.bins.counters(); ++c) {
        auto const i = static_cast<std::size_t>(c);
        auto const found = want.find(c);
        Count const of_cell = found == want.end() ? Count{} : found->second;
        others += got.jets[i] != 2 * of_cell.jets;
        if (weighted) {
          others += got.weights[i] != 2 * of_cell.weight || got.squares[i] != 2 * of_cell.square;
        }
      }
      CAPTURE(weighted, heads);
      CHECK(others == 0);
      CHECK(got.weights.empty() != weighted);
      CHECK(jets_in(got) > 400);
      auto const last = static_cast<std::size_t>(kResponseCells - 1);
      CHECK((got.jets[0] > 0) == energy);  // the sample has some below and above all cells
      CHECK((got.jets[last] > 0) == energy);
    }
  }
}

TEST_CASE("histograms say what does not fit", "[responses]") {
  ResponseSample const sample(5, 1);
  ResponseHistograms to({1, {}});
  auto const refused = [&](auto const& change) {
    ResponseRows rows = sample.view(true, true);
    change(rows);
    return error_text<ShapeError>([&] { cpu::count_responses(rows, to.counters()); });
  };
  CHECK(has(refused([](ResponseRows& rows) { rows.targets.cols = 1; }),
            "response 1 of 5 rows has predictions [5, 1] and targets [5, 1]"));
  CHECK(has(refused([](ResponseRows& rows) { rows.predictions[0].rows = 4; }), "response 0"));
  CHECK(has(refused([](ResponseRows& rows) { rows.predictions[0].cols = 0; }), "response 0"));
  CHECK(has(refused([](ResponseRows& rows) { rows.targets.rows = 6; }), "response 0"));
  CHECK(jets_in(to) == 0);
  CHECK_THROWS_AS(ResponseHistograms({2, {1}}), Error);
  CHECK_THROWS_AS(ResponseHistograms({2, {1, 0}}), Error);
  CHECK_THROWS_AS(ResponseHistograms({1, {std::nanf("")}}), Error);
  CHECK(ResponseBins{3, {}}.bytes() == 3 * 2 * kResponseCells * 4);
  CHECK(ResponseBins{1, {1}}.bytes() == 2 * kResponseCells * 20);
}

}  // namespace
}  // namespace jetcal::test
