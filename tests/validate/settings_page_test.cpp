#include <cstdlib>
#include <fstream>
#include <sstream>

#include "data/config.hpp"
#include "tests/catch.hpp"
#include "validate/settings.hpp"

using namespace jetcal;
using namespace jetcal::validate;

namespace {

std::string const kSource = JETCAL_SOURCE_DIR;

std::string text_of(std::string const& path) {
  std::ifstream file(path);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

Settings preset(std::string const& name) {
  std::string const path = kSource + "/recipes/validation/" + name + ".json";
  Json const json = read_json_file(path);
  Document const document{path, {}, {}};
  return settings_table().read(json, Place(document));
}

std::string page() {
  return "# Settings of a validation\n\n"
         "`jetcal validate --settings FILE` reads one JSON object with these keys; a key that is "
         "not here is refused. This page is made from the table that reads them. "
         "`recipes/validation/paper.json` has every key written out, and the object `settings` of "
         "any `validation.json` is such a file.\n\n" +
         schema::markdown(settings_table().documentation());
}

}  // namespace

TEST_CASE("docs/validation-settings.md is what the table says", "[settings][docs]") {
  std::string const path = kSource + "/docs/validation-settings.md";
  if (std::getenv("JETCAL_WRITE_DOCS")) { std::ofstream(path) << page(); }
  INFO("run JETCAL_WRITE_DOCS=1 validate_tests '[docs]' and look at the change");
  CHECK(text_of(path) == page());
}

TEST_CASE("the presets of a validation are good", "[settings]") {
  Settings const paper = preset("paper");
  paper.require_valid();
  CHECK(paper.bins.pt_true.front() == 200);
  CHECK(paper.bins.abs_eta_true.back() == 2);
  CHECK(paper.bins.mass_true.front() == 40);
  CHECK(paper.mass_true_min_gev == 40);
  CHECK(paper.tests.size() == 8);
  // Every key is written out, none has a default left to fill in.
  std::string const path = kSource + "/recipes/validation/paper.json";
  CHECK(settings_table().write(paper) == read_json_file(path));

  Settings const coarse = preset("coarse");
  coarse.require_valid();
  CHECK(coarse.closure().cells() < 20);
}
