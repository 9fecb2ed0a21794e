#include <cmath>
#include <string>

#include "tests/catch.hpp"
#include "validate/standard/fit.hpp"

using namespace jetcal;
using namespace jetcal::validate::standard;

namespace {

std::string const kSample = std::string(JETCAL_SOURCE_DIR) + "/data/sample/dijets_0";

double share_within(std::vector<OwnBin> const& bins, double OwnBin::*mode, double within) {
  double n = 0;
  for (OwnBin const& bin : bins) { n += std::abs(bin.*mode - 1) < within ? 1 : 0; }
  return n / static_cast<double>(bins.size());
}

}  // namespace

TEST_CASE("the sample's jets close in their own bins", "[standard][slow]") {
  StandardFile const file = fit_standard({kSample + "*.h5"}, {}, {}, 2);
  CHECK(file.provenance.at("jets") == 119'999);
  CHECK(file.provenance.at("jets_used").get<std::int64_t>() > 119'500);
  CHECK(file.energy.bins.size() > 100);
  CHECK(share_within(file.energy.bins, &OwnBin::before, 0.01) < 0.1);
  CHECK(share_within(file.energy.bins, &OwnBin::after, 0.01) == 1);
  CHECK(file.mass.bins.size() > 150);
  CHECK(share_within(file.mass.bins, &OwnBin::before, 0.02) < 0.4);
  CHECK(share_within(file.mass.bins, &OwnBin::after, 0.02) > 0.8);

  // The same bits whatever the number of threads.
  StandardFile const again = fit_standard({kSample + "*.h5"}, {}, {}, 1);
  for (std::size_t b = 0; b < file.energy.scale.bins().size(); ++b) {
    CHECK(again.energy.scale.bins()[b].table.values == file.energy.scale.bins()[b].table.values);
  }
  CHECK(again.mass.scale.responses() == file.mass.scale.responses());
}

TEST_CASE("only a split's training jets are used", "[standard][slow]") {
  data::SplitRule const half{0.5, "eventNumber", 3};
  StandardFile const file = fit_standard({kSample + "1.h5"}, {}, half, 2);
  auto const held_out = file.provenance.at("jets_held_out").get<std::int64_t>();
  CHECK(std::abs(static_cast<double>(held_out) / 40'000 - 0.5) < 0.02);
  CHECK(file.provenance.at("jets_used").get<std::int64_t>() <= 40'000 - held_out);
  CHECK(file.split.fraction == 0.5);
  CHECK(file.split.key == 3);
}
