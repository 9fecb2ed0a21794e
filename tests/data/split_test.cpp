#include "data/split.hpp"

#include <cmath>

#include "data/setup.hpp"
#include "engine/errors.hpp"
#include "tests/catch.hpp"
#include "tests/error_text.hpp"

namespace jetcal::data {
namespace {

using jetcal::test::error_text;
using jetcal::test::has;

TEST_CASE("the held-out share is the fraction asked for", "[split]") {
  constexpr int kEvents = 100000;
  for (double const fraction : {0.04, 0.2, 0.5, 0.9}) {
    SplitRule const rule{fraction, "eventNumber", 0};
    int held_out = 0;
    for (std::int64_t event = 10000000; event < 10000000 + kEvents; ++event) {
      held_out += rule.holds_out(event);
    }
    double const sigma = std::sqrt(kEvents * fraction * (1 - fraction));
    CAPTURE(fraction, held_out);
    CHECK(std::abs(held_out - kEvents * fraction) < 4 * sigma);
  }
}

TEST_CASE("fraction 0 holds nothing out; a larger fraction holds out the same and more",
          "[split]") {
  SplitRule const none{0, "eventNumber", 0}, some{0.2, "eventNumber", 0},
      more{0.4, "eventNumber", 0};
  for (std::int64_t event = -1000; event < 1000; ++event) {
    CHECK_FALSE(none.holds_out(event));
    if (some.holds_out(event)) { CHECK(more.holds_out(event)); }
  }
}

TEST_CASE("neighbouring events and keys are independent", "[split]") {
  constexpr int kEvents = 40000;
  int both_neighbours = 0, both_keys = 0;
  SplitRule const zero{0.5, "eventNumber", 0}, one{0.5, "eventNumber", 1};
  for (std::int64_t event = 0; event < kEvents; ++event) {
    both_neighbours += zero.holds_out(event) && zero.holds_out(event + 1);
    both_keys += zero.holds_out(event) && one.holds_out(event);
  }
  double const sigma = std::sqrt(kEvents * 0.25 * 0.75);
  CHECK(std::abs(both_neighbours - kEvents * 0.25) < 5 * sigma);
  CHECK(std::abs(both_keys - kEvents * 0.25) < 5 * sigma);
}

TEST_CASE("sides by name", "[split]") {
  for (Side const side : {Side::all, Side::training, Side::held_out}) {
    CHECK(side_of(name(side)) == side);
  }
  CHECK(name(Side::held_out) == "held-out");
  CHECK(has(error_text<ConfigError>([] { side_of("test"); }), "'test' (must be all, held-out or"));
}

TEST_CASE("a fraction that is none is refused", "[split]") {
  for (double const fraction : {-0.1, 1.0, 2.0, std::nan("")}) {
    DataConfig config;
    config.validation_fraction = fraction;
    auto const text = error_text<ConfigError>([&] { split_rule(config); });
    CHECK(has(text, "data.validation_fraction: is "));
  }
}

}  // namespace
}  // namespace jetcal::data
