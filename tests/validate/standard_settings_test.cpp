#include <cstdlib>

#include "tests/catch.hpp"
#include "tests/error_text.hpp"
#include "tests/scratch_folder.hpp"
#include "validate/standard/settings.hpp"

using namespace jetcal;
using namespace jetcal::validate::standard;
using jetcal::test::error_text;
using jetcal::test::has;

namespace {

Settings read(std::string const& text) {
  Document const document{"s.json", {}, {}};
  return settings_table().read(parse_json(text, "s.json"), Place(document));
}

std::string refused(std::string const& text) {
  return error_text<ConfigError>([&] { read(text); });
}

}  // namespace

TEST_CASE("settings of a standard calibration come from JSON and go back", "[standard]") {
  Settings const s = read(R"({"fields": {"eta": "eta_det"}, "energy": {"signed_eta": true,
    "eta_max": 2.5, "eta_step": 0.25, "edges": [100, 200, 900], "low_energy": "quadratic",
    "minimum_response": 0.3, "penalty": 2}, "mass": {"abs_eta_edges": [0, 1], "min_jets": 77},
    "mode": {"window_sigma": 1.2}})");
  CHECK(s.fields.eta == "eta_det");
  CHECK(s.energy.signed_eta);
  CHECK(s.energy.edges_gev == std::vector<double>{100, 200, 900});
  CHECK(s.energy.low_energy == LowEnergy::quadratic);
  CHECK(s.energy.minimum_response == 0.3);
  CHECK(s.energy.penalty == 2.0);
  CHECK(s.mass.min_jets == 77);
  CHECK(s.mode.window_sigma == 1.2);
  Json const all = settings_table().write(s);
  CHECK(settings_table().write(read(all.dump())) == all);
  CHECK(settings_table().write(read("{}")) == settings_table().write(Settings{}));
}

TEST_CASE("settings that make no sense are refused at their place", "[standard]") {
  CHECK(has(refused(R"({"energy": {"eta_stpe": 0.1}})"), "Did you mean 'eta_step'"));
  CHECK(has(refused(R"({"energy": {"eta_step": 0.7}})"), "multiple"));
  CHECK(has(refused(R"({"energy": {"edges": [200, 100]}})"), "/energy/edges"));
  CHECK(has(refused(R"({"energy": {"edges": [0, 100]}})"), "/energy/edges/0"));
  CHECK(has(refused(R"({"energy": {"minimum_response": 0.3}})"), "quadratic"));
  CHECK(has(refused(R"({"energy": {"penalty": 0}})"), "/energy/penalty"));
  CHECK(has(refused(R"({"energy": {"min_jets": 5}})"), "/energy/min_jets"));
  CHECK(has(refused(R"({"mass": {"abs_eta_edges": []}})"), "/mass/abs_eta_edges"));
  CHECK(has(refused(R"({"mass": {"abs_eta_edges": [-1, 1]}})"), "/mass/abs_eta_edges/0"));
  CHECK(has(refused(R"({"mode": {"smoothing_window": 4}})"), "s.json"));
}

TEST_CASE("docs/standard-calibration.md lists the settings as the table does", "[standard][docs]") {
  std::string const path = std::string(JETCAL_SOURCE_DIR) + "/docs/standard-calibration.md";
  std::string const page = test::read_text(path);
  std::string const mark = "<!-- settings -->\n";
  auto const at = page.find(mark);
  REQUIRE(at != std::string::npos);
  std::string const want =
      page.substr(0, at) + mark + '\n' + schema::markdown(settings_table().documentation());
  if (std::getenv("JETCAL_WRITE_DOCS")) { test::write_text(path, want); }
  CHECK(test::read_text(path) == want);
}
