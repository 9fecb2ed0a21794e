#include "validate/report.hpp"

#include <unistd.h>

#include <cmath>
#include <fstream>
#include <sstream>

#include "engine/errors.hpp"
#include "tests/catch.hpp"
#include "tests/validate/densities.hpp"
#include "tests/validate/jets.hpp"

using namespace jetcal;
using namespace jetcal::validate;
using jetcal::validate::test::two_bins;
namespace fs = std::filesystem;

namespace {

class Folder {
 public:
  Folder() {
    path = fs::temp_directory_path() / ("jetcal_report_test_" + std::to_string(::getpid()));
    fs::remove_all(path);
    fs::create_directories(path);
  }
  ~Folder() { fs::remove_all(path); }
  Folder(Folder const&) = delete;
  Folder& operator=(Folder const&) = delete;
  fs::path path;
};

std::string content(fs::path const& path) {
  std::ifstream file(path);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

// A first bin of jets, a second that is empty, in each of the samples; written to `folder`.
Results run(Settings const& settings, std::vector<std::string> const& samples,
            std::vector<std::string> const& calibrations, fs::path const& folder, int times = 1) {
  jetcal::validate::test::Jets jets(calibrations.size());
  for (float const v : jetcal::test::densities()[0].stratified(1000)) {
    double const r = static_cast<double>(v);
    jets.add(300, -0.5, 80, {0.9 * r, r}, {0.9 * r, r});
  }
  ColumnStore store(jetcal::validate::test::kMemory, fs::temp_directory_path());
  std::vector<Sample> made;
  for (std::string const& name : samples) { made.push_back(jets.sample(store, name, times)); }
  ThreadPool threads(1);
  Results results = measure(made, calibrations, settings, threads);
  write_results(results, folder);
  return results;
}

}  // namespace

TEST_CASE("a run writes the results as JSON that says everything") {
  Folder const folder;
  run(two_bins(), {"dijets", "top"}, {"none", "model.h5"}, folder.path / "new" / "out", 2);
  Json const json = Json::parse(content(folder.path / "new" / "out" / "validation.json"));
  CHECK(json["settings"]["bins"]["pt_true"] == Json::array({200.0, 400.0, 800.0}));
  CHECK(json["settings"]["mass_true_min"] == 40.0);
  CHECK(json["settings"]["mode"]["window_sigma"] == 1.5);
  CHECK(json["calibrations"] == Json::array({"none", "model.h5"}));
  CHECK(json["samples"][0]["jets"] == 2000);
  REQUIRE(json["bins"].size() == 2 * 2 * 2 * 2);
  Json const& full = json["bins"][2];
  CHECK(full["variable"] == "energy");
  CHECK(full["sample"] == "dijets");
  CHECK(full["calibration"] == "model.h5");
  CHECK(full["pt_true"] == Json::array({200.0, 400.0}));
  CHECK(full["abs_eta_true"] == Json::array({0.0, 1.0}));
  CHECK(full["jets"] == 2000);
  CHECK(std::abs(full["mode"].get<double>() - 1) < 1e-3);
  CHECK(std::abs(full["mode_before"].get<double>() - 0.9) < 1e-3);
  CHECK(full["mode_error"].get<double>() > 0);
  CHECK(std::abs(full["iqr68_over_mode"].get<double>() - 0.198892) < 1e-3);
  CHECK(full["half_iqr68_over_mode"].get<double>() ==
        Approx(full["iqr68_over_mode"].get<double>() / 2));
  CHECK(full["iqr68_over_mode_error"].get<double>() > 0);
  CHECK(full["method"] == "gaussian_fit");
  Json const& empty = json["bins"][3];
  CHECK(empty["jets"] == 0);
  CHECK(empty["method"] == "none");
  for (char const* key : {"mode", "mode_error", "iqr68_over_mode", "iqr68_over_mode_error",
                          "half_sample_mode", "mode_before", "iqr68_over_mode_ratio"}) {
    CAPTURE(key);
    CHECK(empty[key].is_null());
  }
  CHECK_FALSE(full.contains("mass_true"));
  CHECK(json["summary"].size() == 8);
  CHECK(json["summary"][1]["within"][0]["bins"] == 1.0);
  CHECK(json["summary"][0]["within"][2]["bins"] == 0.0);
}

TEST_CASE("the settings that a result names read back as the settings") {
  Settings settings = two_bins();
  settings.min_jets = 77;
  settings.mode.window_sigma = 1.25;
  settings.mode.smoothing_window = 9;
  settings.mode.fit_smoothed = true;
  Document const document{"validation.json", ".", {}};
  Json const written = settings_table().write(settings);
  Settings const read = settings_table().read(written, Place(document));
  CHECK(settings_table().write(read) == written);
  CHECK(read.mode.window_sigma == 1.25);
  CHECK(read.min_jets == 77);
  // What is not named stays as it is: no settings are the default ones.
  Settings const none = settings_table().read(Json::object(), Place(document));
  CHECK(settings_table().write(none) == settings_table().write(Settings{}));
  CHECK(none.bins.pt_true.size() == 10);
  for (char const* bad : {R"({"min_jet": 5})", R"({"mode": {"smoothing_window": 4}})",
                          R"({"bins": {"pt_true": [5, 4]}})", R"({"mode": {"tolerance": 0}})"}) {
    CAPTURE(bad);
    CHECK_THROWS_AS(settings_table().read(parse_json(bad, "x.json"), Place(document)), ConfigError);
  }
}

TEST_CASE("a mass axis shows up, an axis without edges has no borders") {
  Settings settings;
  settings.bins = {};
  settings.bins.mass_true = {0, 60, 100};
  settings.tests = {};
  Folder const folder;
  Results const results = run(settings, {"dijets"}, {"none", "model"}, folder.path);
  Json const json = to_json(results);
  CHECK(json["bins"][1]["mass_true"] == Json::array({60.0, 100.0}));
  CHECK(json["bins"][1]["pt_true"] == Json::array({nullptr, nullptr}));
  CHECK(json["bins"][1]["jets"] == 1000);
  CHECK(to_text(results).find("60 - 100") != std::string::npos);
}

TEST_CASE("the text shows calibrations side by side, and no value as a dash") {
  Folder const folder;
  run(two_bins(), {"dijets"}, {"none", "model"}, folder.path);
  std::string const text = content(folder.path / "validation.txt");
  std::istringstream lines(text);
  std::string line;
  std::vector<std::string> rows;
  while (std::getline(lines, line)) {
    if (line.find("200 - 400") == 5 || line.find("400 - 800") == 5) { rows.push_back(line); }
    CHECK(line.size() < 160);
  }
  // Energy and mass, two bins each, one line for both calibrations.
  REQUIRE(rows.size() == 4);
  CHECK(rows[0].find("0.9000 +-") != std::string::npos);
  CHECK(rows[0].find("1.0000 +-") > rows[0].find("0.9000 +-"));
  CHECK(rows[0].size() == rows[1].size());
  CHECK(rows[1].find("+-") == std::string::npos);
  CHECK(text.find("Worst bins") != std::string::npos);
  CHECK(text.find("dijets, mass: mode of r = m / m_true") != std::string::npos);
}

TEST_CASE("results that cannot be written say so") {
  Folder const folder;
  std::ofstream(folder.path / "file") << "x";
  for (fs::path const& out : {folder.path / "file" / "out", folder.path / "file"}) {
    CHECK_THROWS_AS(run(two_bins(), {"dijets"}, {"none", "model"}, out), DataError);
  }
  CHECK_FALSE(fs::exists(folder.path / "validation.json"));
}
