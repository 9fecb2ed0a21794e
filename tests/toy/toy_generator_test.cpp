#include "data/toy_generator.hpp"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <fstream>
#include <map>
#include <set>

#include "data/jet_reader.hpp"
#include "data/units.hpp"
#include "engine/errors.hpp"
#include "engine/sealed_file.hpp"
#include "tests/catch.hpp"

using namespace jetcal;
using namespace jetcal::data;
namespace fs = std::filesystem;

namespace {

class Folder {
 public:
  Folder() {
    path = fs::temp_directory_path() / ("jetcal_toy_test_" + std::to_string(::getpid()));
    fs::remove_all(path);
    fs::create_directories(path);
  }
  ~Folder() { fs::remove_all(path); }
  Folder(Folder const&) = delete;
  Folder& operator=(Folder const&) = delete;
  fs::path path;
};

// The fields of the samples of real detectors' kind, then the toys' own.
std::vector<std::string> const kReal = {"energy",
                                        "mass",
                                        "eta",
                                        "pt",
                                        "phi",
                                        "rapidity",
                                        "groomMRatio",
                                        "Width",
                                        "Split12",
                                        "Split23",
                                        "C2",
                                        "D2",
                                        "Tau21_wta",
                                        "Tau32_wta",
                                        "Qw",
                                        "EMFrac",
                                        "EM3Frac",
                                        "Tile0Frac",
                                        "EffNConsts",
                                        "NeutralEFrac",
                                        "ChargePTFrac",
                                        "ChargeMFrac",
                                        "averageMu",
                                        "NPV",
                                        "truth_energy",
                                        "truth_mass",
                                        "truth_eta",
                                        "truth_pt",
                                        "truth_phi",
                                        "weight",
                                        "oracle_energy_response",
                                        "oracle_mass_response"};
std::vector<std::string> const kInteger = {"flavour", "topology", "eventNumber", "toy_case"};

// All fields of all rows, over the sorted files.
std::map<std::string, std::vector<double>> read_all(fs::path const& folder) {
  JetReaderSetup setup;
  setup.files = {(folder / "toys_*.h5").string()};
  setup.columns = kReal;
  setup.columns.insert(setup.columns.end(), kInteger.begin(), kInteger.end());
  JetReader const reader(setup);
  std::map<std::string, std::vector<double>> out;
  JetBlock block;
  for (std::int64_t i = 0; i < reader.blocks(); ++i) {
    reader.read(i, block);
    for (std::size_t c = 0; c < setup.columns.size(); ++c) {
      auto& column = out[setup.columns[c]];
      column.insert(column.end(), block.columns[c].begin(), block.columns[c].end());
    }
  }
  return out;
}

}  // namespace

TEST_CASE("every field is there, with its unit, type and finite values") {
  Folder const folder;
  generate_toys({20001, 3, 2}, folder.path);
  ShardSet const shards({(folder.path / "*.h5").string()}, {}, "test");
  Shard const& form = shards.form();
  CHECK(shards.rows() == 20001);
  REQUIRE(form.fields.size() == kReal.size() + kInteger.size());
  std::set<std::string> const mev = {"energy", "mass",         "pt",         "Split12", "Split23",
                                     "Qw",     "truth_energy", "truth_mass", "truth_pt"};
  for (Field const& field : form.fields) {
    CAPTURE(field.name);
    bool const integer = std::find(kInteger.begin(), kInteger.end(), field.name) != kInteger.end();
    CHECK((field.type.kind == FieldKind::floating) == !integer);
    CHECK(field.type.bytes == (field.name == "eventNumber" ? 8u : 4u));
    std::string const expected = mev.count(field.name) > 0                          ? "MeV"
                                 : field.name == "phi" || field.name == "truth_phi" ? "rad"
                                                                                    : "1";
    CHECK(form.units.at(field.name) == expected);
  }
  auto const jets = read_all(folder.path);
  for (auto const& [name, values] : jets) {
    CAPTURE(name);
    REQUIRE(values.size() == 20001);
    bool finite = true;
    bool varies = false;
    for (double const v : values) {
      finite = finite && std::isfinite(v);
      varies = varies || v != values[0];
    }
    CHECK(finite);
    CHECK(varies == (name != "topology"));
  }
}

TEST_CASE("jets are physical, and in the ranges the documentation says") {
  std::int64_t const n = 50000;
  std::int64_t low_pt = 0;
  std::int64_t middle_pt = 0;
  bool good = true;
  for (std::int64_t i = 0; i < n; ++i) {
    ToyJet const j = toy_jet(11, i);
    good = good && j.energy > j.mass && j.mass > 0 && j.truth_energy > j.truth_mass &&
           j.truth_mass > 0 && std::abs(j.eta) < 3 && std::abs(j.truth_eta) < 3;
    good = good && std::abs(j.phi) < 3.1416f && std::abs(j.truth_phi) < 3.1416f;
    double const energy = std::hypot(double{j.mass}, double{j.pt} * std::cosh(double{j.eta}));
    good = good && std::abs(j.energy / energy - 1) < 1e-6;
    double const truth_energy =
        std::hypot(double{j.truth_mass}, double{j.truth_pt} * std::cosh(double{j.truth_eta}));
    good = good && std::abs(j.truth_energy / truth_energy - 1) < 1e-6;
    good = good && j.weight > 0 && j.weight <= 1 && j.npv >= 1;
    good = good && std::abs(std::tanh(double{j.rapidity}) -
                            double{j.pt} * std::sinh(double{j.eta}) / energy) < 1e-5;
    auto const c = static_cast<int>(j.toy_case);
    good = good && j.tile0_frac > 0.0499 + 0.1 * c && j.tile0_frac < 0.1001 + 0.1 * c;
    low_pt += j.truth_pt > 200e3 && j.truth_pt < 400e3;
    middle_pt += j.truth_pt > 2000e3 && j.truth_pt < 4000e3;
    if (!good) {
      CAPTURE(i);
      REQUIRE(good);
    }
  }
  // Flat in the logarithm: ln 2 / ln(5200 / 150) in every factor of two well inside.
  double const share = std::log(2.0) / std::log(5200.0 / 150);
  CHECK(std::abs(static_cast<double>(low_pt) / static_cast<double>(n) - share) < 0.01);
  CHECK(std::abs(static_cast<double>(middle_pt) / static_cast<double>(n) - share) < 0.01);
}

TEST_CASE("the two jets of an event share its number and pile-up, others do not") {
  for (std::int64_t event = 0; event < 500; ++event) {
    ToyJet const a = toy_jet(4, 2 * event);
    ToyJet const b = toy_jet(4, 2 * event + 1);
    ToyJet const next = toy_jet(4, 2 * event + 2);
    CHECK(a.event_number == b.event_number);
    CHECK(next.event_number == a.event_number + 1);
    CHECK(a.average_mu == b.average_mu);
    CHECK(a.npv == b.npv);
    CHECK(a.average_mu != next.average_mu);
    CHECK(a.eta != b.eta);
    CHECK(std::abs(std::log(a.pt / b.pt)) < 0.3);
  }
}

TEST_CASE("the oracle is a function of the stored features, and the case's own") {
  for (std::int64_t i = 0; i < 2000; ++i) {
    ToyJet const j = toy_jet(5, i);
    ToyInputs const in{j.energy / 1e3,   j.mass / 1e3, j.eta, j.em3_frac,
                       j.charge_pt_frac, j.average_mu, j.npv, j.toy_case};
    double const law_mode = toy_law_mode(j.toy_case);
    CHECK(std::abs(j.oracle_energy_response - toy_energy_response(in).mode(law_mode)) < 1e-6);
    CHECK(std::abs(j.oracle_mass_response - toy_mass_response(in).mode(law_mode)) < 1e-6);
    CHECK(j.oracle_energy_response > 0.7f);
    CHECK(j.oracle_energy_response < 1.15f);
  }
}

// Of a density with its peak at the oracle, the jets a little below and a little above it are as
// many as the density says. A peak elsewhere by 4 % of the width would be seen.
TEST_CASE("the responses of each case have their mode at the oracle") {
  constexpr std::int64_t kJets = 600000;
  constexpr double kReach = 0.5;  // in units of the core's width
  std::array<std::array<double, 2>, 2 * kToyCases> counts{};
  for (std::int64_t i = 0; i < kJets; ++i) {
    ToyJet const j = toy_jet(6, i);
    ToyInputs const in{j.energy / 1e3,   j.mass / 1e3, j.eta, j.em3_frac,
                       j.charge_pt_frac, j.average_mu, j.npv, j.toy_case};
    double const pulls[2] = {(j.energy / double{j.truth_energy} - j.oracle_energy_response) /
                                 (toy_energy_response(in).scale * toy_energy_response(in).width),
                             (j.mass / double{j.truth_mass} - j.oracle_mass_response) /
                                 (toy_mass_response(in).scale * toy_mass_response(in).width)};
    for (std::size_t v = 0; v < 2; ++v) {
      auto& count = counts[v * kToyCases + static_cast<std::size_t>(j.toy_case)];
      if (std::abs(pulls[v]) < kReach) { count[pulls[v] < 0 ? 0 : 1] += 1; }
    }
  }
  for (std::size_t k = 0; k < counts.size(); ++k) {
    auto const toy_case = static_cast<ToyCase>(k % kToyCases);
    double area[2] = {};
    for (double z = 0.0005; z < kReach; z += 0.001) {
      area[0] += toy_law(toy_case).density(toy_law_mode(toy_case) - z);
      area[1] += toy_law(toy_case).density(toy_law_mode(toy_case) + z);
    }
    double const expected = (area[1] - area[0]) / (area[1] + area[0]);
    double const sum = counts[k][0] + counts[k][1];
    double const found = (counts[k][1] - counts[k][0]) / sum;
    CAPTURE(name(toy_case), k >= kToyCases, expected, found, sum);
    CHECK(sum > 20000);
    CHECK(std::abs(found - expected) < 4 / std::sqrt(sum));
  }
}

TEST_CASE("the same seed gives the same rows whatever the shards, another seed others") {
  Folder const folder;
  generate_toys({9001, 42, 1}, folder.path / "one");
  generate_toys({9001, 42, 3}, folder.path / "three");
  generate_toys({9001, 43, 1}, folder.path / "other");
  generate_toys({500, 42, 12}, folder.path / "few");
  auto const one = read_all(folder.path / "one");
  auto const three = read_all(folder.path / "three");
  auto const other = read_all(folder.path / "other");
  auto const few = read_all(folder.path / "few");
  CHECK(one.at("energy").size() == 9001);
  CHECK(one == three);
  CHECK(few.at("energy").size() == 500);
  for (auto const& [name, values] : few) {
    CAPTURE(name);
    CHECK(std::equal(values.begin(), values.end(), one.at(name).begin()));
  }
  CHECK(one.at("truth_energy") != other.at("truth_energy"));
  CHECK(fs::exists(folder.path / "three" / "toys_2.h5"));
  CHECK(fs::exists(folder.path / "few" / "toys_00.h5"));
  // Equal bytes, too.
  generate_toys({9001, 42, 1}, folder.path / "again");
  CHECK(read_bytes(folder.path / "one" / "toys_0.h5") ==
        read_bytes(folder.path / "again" / "toys_0.h5"));
}

TEST_CASE("an event is never divided between shards") {
  Folder const folder;
  auto const files = generate_toys({101, 1, 7}, folder.path);
  REQUIRE(files.size() == 7);
  std::set<double> seen;
  for (fs::path const& file : files) {
    JetReaderSetup setup;
    setup.files = {file.string()};
    setup.columns = {"eventNumber"};
    JetReader const reader(setup);
    JetBlock block;
    reader.read(0, block);
    std::set<double> const here(block.columns[0].begin(), block.columns[0].end());
    for (double const number : here) { CHECK(seen.insert(number).second); }
  }
  CHECK(seen.size() == 51);
}

TEST_CASE("senseless requests and folders with other toys are refused") {
  Folder const folder;
  CHECK_THROWS_AS(generate_toys({0, 1, 1}, folder.path), ConfigError);
  CHECK_THROWS_AS(generate_toys({-5, 1, 1}, folder.path), ConfigError);
  CHECK_THROWS_AS(generate_toys({10, 1, 0}, folder.path), ConfigError);
  CHECK_THROWS_AS(generate_toys({10, 1, 6}, folder.path), ConfigError);
  generate_toys({10, 1, 5}, folder.path);
  CHECK_NOTHROW(generate_toys({10, 2, 5}, folder.path));  // replaces all of them
  CHECK_THROWS_AS(generate_toys({10, 1, 2}, folder.path), DataError);
  std::ofstream(folder.path / "file") << "x";
  CHECK_THROWS_AS(generate_toys({10, 1, 1}, folder.path / "file"), DataError);
  CHECK_THROWS_AS(generate_toys({10, 1, 1}, folder.path / "file" / "below"), DataError);
}
