#include <cmath>
#include <cstdlib>
#include <limits>
#include <vector>

#include "engine/hdf5_io.hpp"
#include "engine/sealed_file.hpp"
#include "tests/catch.hpp"
#include "tests/damage.hpp"
#include "tests/error_text.hpp"
#include "tests/scratch_folder.hpp"
#include "validate/standard/standard_calibration.hpp"
#include "validate/standard/text.hpp"

using namespace jetcal;
using namespace jetcal::validate::standard;
using jetcal::test::error_text;
using jetcal::test::has;
using jetcal::test::ScratchFolder;
using jetcal::validate::CalibratedJets;
using jetcal::validate::read_calibration;
using jetcal::validate::UncalibratedJets;

namespace {

// Two bins of eta; a mass scale of 2 x 3 x 1 nodes.
StandardFile small_file() {
  std::vector<EnergyScale::Bin> bins{{{5, 0.5, {0.8, 0.9, 0.95}}, 150, {0.7, 1e-3, 1e-6}},
                                     {{6, 0.25, {0.7, 0.75, 0.85}}, 410, {0.6, 0, 0}}};
  Settings settings;
  settings.fields.truth_mass = "m_true";
  settings.units = {{"eta", "1"}};
  settings.energy.low_energy = LowEnergy::quadratic;
  settings.energy.penalty = 3.5;
  OwnBin const own{0, 1, 200, 300, NAN, NAN, 777, 0.9, 0.01, 1.002};
  OwnBin const own_mass{1, 2, 200, 300, 0.1, 0.2, 555, 0.8, 0.02, 0.98};
  return {"1.2.3 abc",
          settings,
          {0.25, "event", 99},
          {{"files", {"a.h5"}}, {"jets_used", 12}},
          {EnergyScale({0, 1, 2}, false, bins, "test"), {own}, {0, 1}},
          {MassScale({{5, 6}, {-3, -2, -1}, {0.5}, 2.5}, {.9, 1, 1.1, .8, .95, 1.05}, "test"),
           {own_mass, own_mass},
           2,
           1,
           0}};
}

struct Jets {
  std::vector<double> energy, mass, pt, eta;
  UncalibratedJets view() {
    UncalibratedJets jets;
    jets.units = {{1, 1000}, {1, 1000}, {1000, 1}};  // MeV
    jets.energy = energy;
    jets.mass = mass;
    jets.pt = pt;
    jets.eta = eta;
    return jets;
  }
};

}  // namespace

TEST_CASE("a standard calibration comes back from its file", "[standard]") {
  ScratchFolder const folder;
  StandardFile const file = small_file();
  write_standard(folder / "s.h5", file);
  CHECK(sealed_kind(folder / "s.h5") == "standard-calibration");
  StandardFile const back = read_standard(folder / "s.h5");
  CHECK(back.code_version == "1.2.3 abc");
  CHECK(settings_table().write(back.settings) == settings_table().write(file.settings));
  CHECK(back.settings.energy.penalty == 3.5);
  CHECK(back.split.fraction == 0.25);
  CHECK(back.split.group == "event");
  CHECK(back.split.key == 99);
  CHECK(back.provenance == file.provenance);
  CHECK(back.energy.scale.eta_edges() == std::vector<double>{0, 1, 2});
  CHECK(!back.energy.scale.signed_eta());
  CHECK(back.energy.made_from == std::vector<std::int64_t>{0, 1});
  for (std::size_t b = 0; b < 2; ++b) {
    EnergyScale::Bin const &a = back.energy.scale.bins()[b], &w = file.energy.scale.bins()[b];
    CHECK(a.table.first == w.table.first);
    CHECK(a.table.step == w.table.step);
    CHECK(a.table.values == w.table.values);
    CHECK(a.cut == w.cut);
    for (int i = 0; i < 3; ++i) { CHECK(a.low[i] == w.low[i]); }
  }
  CHECK(back.mass.scale.axes().log_energy == std::vector<double>{5, 6});
  CHECK(back.mass.scale.axes().log_ratio == std::vector<double>{-3, -2, -1});
  CHECK(back.mass.scale.axes().abs_eta == std::vector<double>{0.5});
  CHECK(back.mass.scale.axes().max_abs_eta == 2.5);
  CHECK(back.mass.scale.responses() == file.mass.scale.responses());
  CHECK(back.mass.lines == 2);
  CHECK(back.mass.filled == 1);
  CHECK(back.mass.shortened == 0);
  REQUIRE(back.energy.bins.size() == 1);
  REQUIRE(back.mass.bins.size() == 2);
  CHECK(back.energy.bins[0].jets == 777);
  CHECK(std::isnan(back.energy.bins[0].ratio_low));
  CHECK(back.mass.bins[1].eta_high == 2);
  CHECK(back.mass.bins[1].ratio_high == 0.2);
  CHECK(back.mass.bins[1].after == 0.98);
  CHECK(back.mass.bins[1].error == 0.02);

  write_standard(folder / "again.h5", file);
  CHECK(read_bytes(folder / "again.h5") == read_bytes(folder / "s.h5"));
}

TEST_CASE("no damage to a standard calibration goes unnoticed", "[standard]") {
  ScratchFolder const folder;
  write_standard(folder / "s.h5", small_file());
  auto const missed =
      test::undetected_damage(folder / "s.h5", [&] { read_calibration(folder / "s.h5", {}); });
  CAPTURE(missed.size());
  CHECK(missed.empty());
  CHECK_NOTHROW(read_calibration(folder / "s.h5", {}));

  // Sealed, but of another format or without a part.
  auto const refused = [&](std::string const& format, bool with_energy) {
    auto const image = hdf5::file_image(kSealBytes, [&](hdf5::Writer& root) {
      root.attribute("format", format);
      root.attribute("code_version", std::string("1"));
      root.attribute("settings", std::string("{}"));
      root.attribute("split",
                     std::string(with_energy ? R"({"validation_fraction": 0})"
                                             : R"({"validation_fraction": 0, "group": "e", )"
                                               R"("split_key": 0})"));
      root.attribute("provenance", std::string("{}"));
    });
    write_sealed(folder / "x.h5", kKind, image);
    return error_text<DataError>([&] { read_standard(folder / "x.h5"); });
  };
  CHECK(has(refused("jetcal-standard-calibration 2", true), "this jetcal reads"));
  CHECK(has(refused("jetcal-standard-calibration 1", true), "@split"));
  CHECK(has(refused("jetcal-standard-calibration 1", false), "energy"));
}

TEST_CASE("jets are calibrated energy first, then mass at that energy", "[standard]") {
  ScratchFolder const folder;
  StandardFile const file = small_file();
  write_standard(folder / "s.h5", file);
  auto const calibration = read_calibration(folder / "s.h5", {});
  CHECK(!calibration->network_input());
  CHECK(!calibration->has_sigmas());
  CHECK(calibration->fields() == std::vector<std::string>{"energy", "mass", "pt", "eta"});
  CHECK(calibration->input().targets.at("mass").truth == "m_true");
  CHECK(calibration->input().data.validation_fraction == 0.25);
  CHECK(calibration->input().data.group == "event");
  CHECK(calibration->input().data.split_key == 99);
  CHECK(calibration->input().data.units.at("eta") == "1");

  double const nan = std::numeric_limits<double>::quiet_NaN();
  Jets in;
  auto const add = [&](double e_gev, double m_gev, double eta) {
    in.energy.push_back(1000 * e_gev);
    in.mass.push_back(1000 * m_gev);
    in.pt.push_back(1000 * e_gev / std::cosh(eta));
    in.eta.push_back(eta);
  };
  add(200, 30, 0.3);   // 0: inside both tables
  add(100, 8, -0.3);   // 1: below the cut of bin 0
  add(700, 50, 1.5);   // 2: bin 1, above its table
  add(700, 50, 2.7);   // 3: beyond the mass scale
  add(300, 299, 0.1);  // 4: heavy: R_m would be 1.1 or so
  add(450, 446, 1.2);  // 5: heavy with R_m < 1 is not in this table's ends
  add(nan, 50, 0.1);   // 6
  add(300, 0, 0.1);    // 7
  add(300, 30, nan);   // 8
  add(-300, 30, 0.5);  // 9
  CalibratedJets out;
  calibration->apply(in.view(), out);

  for (std::size_t i = 0; i < 6; ++i) {
    double const e = in.energy[i] / 1000, m = in.mass[i] / 1000;
    double const r = file.energy.scale.response(e, in.eta[i]);
    double rm = file.mass.scale.response(e / r, m / r, in.eta[i]);
    if (m / r / rm > e / r) { rm = 1; }
    CAPTURE(i, r, rm);
    CHECK(out.calibrated[i] == 1);
    CHECK(out.energy_prediction[3 * i] == static_cast<float>(r));
    CHECK(out.mass_prediction[3 * i] == static_cast<float>(r * rm));
    CHECK(out.energy[i] == Approx(in.energy[i] / r).epsilon(1e-6));
    CHECK(out.mass[i] == Approx(in.mass[i] / r / rm).epsilon(1e-6));
    double const pt =
        std::sqrt(std::pow(e / r, 2) - std::pow(m / r / rm, 2)) / std::cosh(in.eta[i]);
    CHECK(out.pt[i] == Approx(1000 * pt).epsilon(1e-5));
    CHECK(std::isnan(out.energy_prediction[3 * i + 1]));
    CHECK(std::isnan(out.mass_prediction[3 * i + 2]));
  }
  // By hand: ln 200 = 5.2983 lies between the nodes 5 and 5.5; 100 GeV is below the cut at 150.
  double const t = (std::log(200.0) - 5) / 0.5;
  CHECK(out.energy_prediction[0] == Approx((1 - t) * 0.8 + t * 0.9).epsilon(1e-6));
  CHECK(out.energy_prediction[3] == Approx(0.7 + 0.1 + 0.01).epsilon(1e-6));
  CHECK(out.energy_prediction[6] == Approx(0.85).epsilon(1e-6));
  CHECK(out.mass_prediction[9] == out.energy_prediction[9]);
  for (std::size_t i = 6; i < 10; ++i) {
    CAPTURE(i);
    CHECK(out.calibrated[i] == 0);
    CHECK(std::isnan(out.energy_prediction[3 * i]));
    CHECK(std::isnan(out.mass_prediction[3 * i]));
    CHECK((out.mass[i] == static_cast<float>(in.mass[i])));
  }
}

TEST_CASE("a mass that would exceed its energy stays at the energy scale", "[standard]") {
  ScratchFolder const folder;
  StandardFile file = small_file();
  file.mass.scale = MassScale({{5}, {-3}, {0.5}, 2.5}, {0.9}, "test");
  write_standard(folder / "s.h5", file);
  StandardCalibration calibration(folder / "s.h5");
  Jets in{{2e5, 2e5}, {1.79e5, 1.81e5}, {1e5, 1e5}, {0.1, 0.1}};  // m / E = .895, .905
  CalibratedJets out;
  calibration.apply(in.view(), out);
  double const r = file.energy.scale.response(200, 0.1);
  CHECK(out.mass_prediction[0] == static_cast<float>(0.9 * r));
  CHECK(out.mass_prediction[3] == static_cast<float>(r));
  CHECK(out.calibrated[0] == 1);
  CHECK(out.calibrated[1] == 1);
  CHECK(out.mass[1] < out.energy[1]);
}

TEST_CASE("what a standard calibration is, in words", "[standard]") {
  std::string const text = summary(small_file());
  CHECK(has(text, "held out: a share of 0.25 by event, key 99"));
  CHECK(has(text, "energy       1      0.0 % 100.0 %      0.0 % 100.0 %    10.00 %  0.20 %\n"));
  CHECK(has(text, "mass         2      0.0 %   0.0 %      0.0 %   0.0 %    20.00 %  2.00 %\n"));
  CHECK(has(text, "mode 1.0020 +- 0.0100 (before 0.9000), 777 jets"));
  CHECK(has(text, "m/E 0.100 .. 0.200"));
}
