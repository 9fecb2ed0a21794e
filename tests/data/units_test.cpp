#include "data/units.hpp"

#include "engine/errors.hpp"
#include "tests/catch.hpp"
#include "tests/error_text.hpp"

namespace jetcal::data {
namespace {

using jetcal::test::error_text;
using jetcal::test::has;

TEST_CASE("energies convert into each other, correctly rounded", "[units]") {
  CHECK(unit_factor("MeV", "GeV", "x")(40000.0) == 40.0);
  for (int i = 1; i < 200; ++i) {  // for a third of these v * 0.001 is another double
    CHECK(unit_factor("MeV", "GeV", "x")(i * 0.1) == i * 0.1 / 1000);
  }
  CHECK(unit_factor("MeV", "TeV", "x")(2.5e6) == 2.5);
  CHECK(unit_factor("GeV", "MeV", "x")(0.1) == 100.0);
  CHECK(unit_factor("TeV", "GeV", "x")(1.5) == 1500.0);
  CHECK(unit_factor("TeV", "MeV", "x")(1.5) == 1.5e6);
  CHECK(unit_factor("GeV", "GeV", "x").is_one());
  CHECK(unit_factor("rad", "rad", "x").is_one());
  CHECK_FALSE(unit_factor("GeV", "MeV", "x").is_one());
  CHECK(is_energy_unit("TeV"));
  CHECK_FALSE(is_energy_unit("1"));
}

TEST_CASE("nothing else converts", "[units]") {
  for (auto const& [from, to] :
       {std::pair{"1", "GeV"}, {"MeV", "1"}, {"rad", "1"}, {"mev", "MeV"}, {"keV", "MeV"}}) {
    auto const text = error_text<DataError>([&] { unit_factor(from, to, "a.h5: /jets/x"); });
    CAPTURE(text);
    CHECK(has(text, "a.h5: /jets/x: unit '" + std::string(from) + "' does not convert to '" + to));
  }
  CHECK(has(error_text<DataError>([] { unit_factor("", "", "w"); }), "w: a unit is empty"));
}

TEST_CASE("the attribute units is a JSON object of texts", "[units]") {
  auto const units = parse_units(R"({"energy":"MeV","eta":"1"})", "w");
  CHECK(units.size() == 2);
  CHECK(units.at("energy") == "MeV");
  CHECK(units.at("eta") == "1");
  for (auto const text : {"", "{", "[]", "\"MeV\"", R"({"energy":1})", R"({"energy":""})",
                          R"({"energy":"MeV","energy":"GeV"})"}) {
    CAPTURE(text);
    CHECK(error_text<DataError>([&] { parse_units(text, "w"); }).rfind("w", 0) == 0);
  }
  CHECK(units_text({{"pt", "MeV"}, {"flavour", ""}, {"eta", "1"}}) == R"({"pt":"MeV","eta":"1"})");
}

}  // namespace
}  // namespace jetcal::data
