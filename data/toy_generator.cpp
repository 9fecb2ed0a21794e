#include "data/toy_generator.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <set>
#include <system_error>

#include "data/table_writer.hpp"
#include "engine/errors.hpp"

namespace jetcal::data {
namespace {

namespace fs = std::filesystem;

constexpr double kPi = 3.141592653589793238463;

// One field of the file and where a ToyJet holds it.
struct ToyField {
  char const* name;
  char const* unit;
  FieldType type;
  std::size_t offset;
};

constexpr ToyField real(char const* name, char const* unit, std::size_t offset) {
  return {name, unit, kFloat32, offset};
}

constexpr std::array<ToyField, 36> kFields = {{
    real("energy", "MeV", offsetof(ToyJet, energy)),
    real("mass", "MeV", offsetof(ToyJet, mass)),
    real("eta", "1", offsetof(ToyJet, eta)),
    real("pt", "MeV", offsetof(ToyJet, pt)),
    real("phi", "rad", offsetof(ToyJet, phi)),
    real("rapidity", "1", offsetof(ToyJet, rapidity)),
    real("groomMRatio", "1", offsetof(ToyJet, groom_m_ratio)),
    real("Width", "1", offsetof(ToyJet, width)),
    real("Split12", "MeV", offsetof(ToyJet, split12)),
    real("Split23", "MeV", offsetof(ToyJet, split23)),
    real("C2", "1", offsetof(ToyJet, c2)),
    real("D2", "1", offsetof(ToyJet, d2)),
    real("Tau21_wta", "1", offsetof(ToyJet, tau21_wta)),
    real("Tau32_wta", "1", offsetof(ToyJet, tau32_wta)),
    real("Qw", "MeV", offsetof(ToyJet, qw)),
    real("EMFrac", "1", offsetof(ToyJet, em_frac)),
    real("EM3Frac", "1", offsetof(ToyJet, em3_frac)),
    real("Tile0Frac", "1", offsetof(ToyJet, tile0_frac)),
    real("EffNConsts", "1", offsetof(ToyJet, eff_n_consts)),
    real("NeutralEFrac", "1", offsetof(ToyJet, neutral_e_frac)),
    real("ChargePTFrac", "1", offsetof(ToyJet, charge_pt_frac)),
    real("ChargeMFrac", "1", offsetof(ToyJet, charge_m_frac)),
    real("averageMu", "1", offsetof(ToyJet, average_mu)),
    real("NPV", "1", offsetof(ToyJet, npv)),
    real("truth_energy", "MeV", offsetof(ToyJet, truth_energy)),
    real("truth_mass", "MeV", offsetof(ToyJet, truth_mass)),
    real("truth_eta", "1", offsetof(ToyJet, truth_eta)),
    real("truth_pt", "MeV", offsetof(ToyJet, truth_pt)),
    real("truth_phi", "rad", offsetof(ToyJet, truth_phi)),
    real("weight", "1", offsetof(ToyJet, weight)),
    {"flavour", "1", kInt32, offsetof(ToyJet, flavour)},
    {"topology", "1", kInt32, offsetof(ToyJet, topology)},
    {"eventNumber", "1", kInt64, offsetof(ToyJet, event_number)},
    real("oracle_energy_response", "1", offsetof(ToyJet, oracle_energy_response)),
    real("oracle_mass_response", "1", offsetof(ToyJet, oracle_mass_response)),
    {"toy_case", "1", kInt32, offsetof(ToyJet, toy_case)},
}};

double within_pi(double phi) { return std::remainder(phi, 2 * kPi); }

// What both jets of an event share, and where they point.
struct Event {
  double pt_gev;
  double phi;
  double average_mu;
  double npv;
};

Event draw_event(std::uint64_t seed, std::uint64_t number) {
  RandomStream const random(seed, Purpose::toy, 0);
  ToyDraws draws(random, number);
  Event event{};
  event.pt_gev = 150 * std::exp(std::log(5200.0 / 150) * draws.uniform());
  event.phi = draws.uniform(-kPi, kPi);
  event.average_mu = draws.uniform(10, 70);
  double const vertices = 0.56 * event.average_mu;
  event.npv = std::max(1.0, std::round(vertices + std::sqrt(vertices) * draws.normal()));
  return event;
}

// Kinematics of the reconstructed jet, everything else from the rounded values.
void draw_kinematics(ToyJet& jet, Event const& event, bool second, ToyDraws& draws) {
  jet.pt = static_cast<float>(1000 * event.pt_gev * std::exp(0.03 * draws.normal()));
  jet.eta = static_cast<float>(draws.uniform(-2.8, 2.8));
  jet.phi = static_cast<float>(within_pi(event.phi + (second ? kPi : 0) + 0.05 * draws.normal()));
  double const pt = jet.pt;
  double const mass = pt * 0.02 * std::exp(std::log(0.28 / 0.02) * draws.uniform());
  jet.mass = static_cast<float>(mass);
  jet.energy = static_cast<float>(std::hypot(mass, pt * std::cosh(jet.eta)));
  jet.rapidity = static_cast<float>(std::asinh(pt * std::sinh(jet.eta) / std::hypot(mass, pt)));
}

// Substructure that hangs together, as in a real jet, and means nothing for the response.
void draw_substructure(ToyJet& jet, ToyDraws& draws) {
  double const pronged = draws.uniform();  // one hard core .. two prongs
  double const m_over_pt = jet.mass / jet.pt;
  auto const scattered = [&](double centre) { return centre * std::exp(0.25 * draws.normal()); };
  jet.groom_m_ratio = static_cast<float>(draws.uniform(0.2 + 0.6 * pronged, 1));
  jet.width = static_cast<float>(scattered(0.02 + 0.8 * m_over_pt));
  jet.split12 = static_cast<float>(scattered(jet.mass * (0.15 + 0.35 * pronged)));
  jet.split23 = static_cast<float>(jet.split12 * draws.uniform(0.1, 0.6));
  jet.c2 = static_cast<float>(scattered(0.03 + 0.4 * m_over_pt));
  jet.d2 = static_cast<float>(scattered(1 + 2 * (1 - pronged)));
  jet.tau21_wta = static_cast<float>(std::min(0.95, scattered(0.25 + 0.4 * (1 - pronged))));
  jet.tau32_wta = static_cast<float>(draws.uniform(0.3, 0.9));
  jet.qw = static_cast<float>(jet.split12 * draws.uniform(0.3, 1));
  jet.em_frac = static_cast<float>(draws.uniform(0.4, 0.95));
  jet.eff_n_consts = static_cast<float>(1 + scattered(1.5));
  jet.neutral_e_frac = static_cast<float>(draws.uniform(0.2, 1));
}

ToyInputs inputs_of(ToyJet const& jet) {
  ToyInputs in;
  in.energy_gev = static_cast<double>(jet.energy) / 1000;
  in.mass_gev = static_cast<double>(jet.mass) / 1000;
  in.eta = jet.eta;
  in.em3_frac = jet.em3_frac;
  in.charge_pt_frac = jet.charge_pt_frac;
  in.average_mu = jet.average_mu;
  in.npv = jet.npv;
  in.toy_case = jet.toy_case;
  return in;
}

void draw_truth(ToyJet& jet, ToyDraws& draws) {
  ToyInputs const in = inputs_of(jet);
  ToyLaw const& law = toy_law(jet.toy_case);
  ToyResponse const energy = toy_energy_response(in);
  ToyResponse const mass = toy_mass_response(in);
  jet.oracle_energy_response = static_cast<float>(energy.mode(toy_law_mode(jet.toy_case)));
  jet.oracle_mass_response = static_cast<float>(mass.mode(toy_law_mode(jet.toy_case)));
  double const truth_energy = jet.energy / energy.draw(law, draws);
  double const truth_mass = jet.mass / mass.draw(law, draws);
  double const truth_eta = jet.eta + 0.003 * draws.normal();
  double const momentum = std::sqrt((truth_energy - truth_mass) * (truth_energy + truth_mass));
  double const truth_pt = momentum / std::cosh(truth_eta);
  jet.truth_energy = static_cast<float>(truth_energy);
  jet.truth_mass = static_cast<float>(truth_mass);
  jet.truth_eta = static_cast<float>(truth_eta);
  jet.truth_pt = static_cast<float>(truth_pt);
  jet.truth_phi = static_cast<float>(within_pi(jet.phi + 0.003 * draws.normal()));
  // A steeply falling spectrum, as weight.
  jet.weight = static_cast<float>(std::min(1.0, std::pow(truth_pt / 180000, -7)));
}

std::string shard_name(std::int64_t shard, std::int64_t shards) {
  std::string const number = std::to_string(shard);
  std::size_t const digits = std::to_string(shards - 1).size();
  return "toys_" + std::string(digits - number.size(), '0') + number + ".h5";
}

// Toys of another run among the new ones would be read with them.
void require_no_others(fs::path const& folder, std::set<std::string> const& names) {
  for (auto const& entry : fs::directory_iterator(folder)) {
    std::string const file = entry.path().filename().string();
    bool const toys = file.rfind("toys_", 0) == 0 && entry.path().extension() == ".h5";
    JETCAL_REQUIRE(!toys || names.count(file) > 0, DataError,
                   folder.string() << ": holds " << file << " of other toys. Choose another folder "
                                   << "or remove them");
  }
}

void write_shard(fs::path const& path, std::uint64_t seed, std::int64_t first, std::int64_t last) {
  std::vector<NewField> fields;
  for (ToyField const& f : kFields) { fields.push_back({f.name, f.unit, f.type}); }
  TableWriter writer(path.string(), fields);
  std::vector<std::uint8_t> rows;
  for (std::int64_t begin = first; begin < last; begin += TableWriter::kChunkRows) {
    std::int64_t const n = std::min(TableWriter::kChunkRows, last - begin);
    rows.resize(static_cast<std::size_t>(n) * writer.row_bytes());
    for (std::int64_t i = 0; i < n; ++i) {
      ToyJet const jet = toy_jet(seed, begin + i);
      std::uint8_t* const row = rows.data() + static_cast<std::size_t>(i) * writer.row_bytes();
      for (std::size_t f = 0; f < kFields.size(); ++f) {
        std::memcpy(row + writer.fields()[f].offset,
                    reinterpret_cast<char const*>(&jet) + kFields[f].offset, kFields[f].type.bytes);
      }
    }
    writer.append(rows.data(), n);
  }
  writer.close();
}

}  // namespace

ToyJet toy_jet(std::uint64_t seed, std::int64_t index) {
  auto const number = static_cast<std::uint64_t>(index) / 2;
  Event const event = draw_event(seed, number);
  RandomStream const random(seed, Purpose::toy, 1);
  ToyDraws draws(random, static_cast<std::uint64_t>(index));
  ToyJet jet{};
  draw_kinematics(jet, event, index % 2 == 1, draws);
  draw_substructure(jet, draws);
  jet.em3_frac = static_cast<float>(0.01 + 0.05 * -std::log(1 - 0.995 * draws.uniform()));
  jet.charge_pt_frac = static_cast<float>(draws.uniform(0.05, 0.8));
  jet.charge_m_frac = static_cast<float>(jet.charge_pt_frac * draws.uniform(0.8, 1.2));
  jet.average_mu = static_cast<float>(event.average_mu);
  jet.npv = static_cast<float>(event.npv);
  auto const toy_case = static_cast<std::int32_t>(kToyCases * draws.uniform());
  jet.toy_case = static_cast<ToyCase>(toy_case);
  jet.tile0_frac = static_cast<float>(0.05 + 0.1 * toy_case + 0.05 * draws.uniform());
  draw_truth(jet, draws);
  constexpr std::array<std::int32_t, 6> kFlavours = {21, 1, 2, 3, 4, 5};
  jet.flavour = kFlavours[static_cast<std::size_t>(6 * draws.uniform())];
  jet.topology = 10;
  jet.event_number = static_cast<std::int64_t>(number) + 1;
  return jet;
}

std::vector<fs::path> generate_toys(ToyConfig const& config, fs::path const& folder) {
  JETCAL_REQUIRE(config.jets >= 1, ConfigError,
                 "toy jets: --jets is " << config.jets << " (must be at least 1)");
  // Both jets of an event go into one shard.
  std::int64_t const events = config.jets / 2 + config.jets % 2;
  JETCAL_REQUIRE(config.shards >= 1 && config.shards <= events, ConfigError,
                 "toy jets: --shards is " << config.shards << " (must be 1 .. " << events
                                          << ", the number of events of two jets)");
  std::error_code error;
  fs::create_directories(folder, error);
  JETCAL_REQUIRE(!error && fs::is_directory(folder), DataError,
                 folder.string() << ": cannot be made ("
                                 << (error ? error.message() : "is no directory")
                                 << "). Choose another --out");
  std::vector<fs::path> paths;
  std::set<std::string> names;
  for (std::int64_t s = 0; s < config.shards; ++s) {
    names.insert(shard_name(s, config.shards));
    paths.push_back(folder / shard_name(s, config.shards));
  }
  require_no_others(folder, names);
  for (std::int64_t s = 0; s < config.shards; ++s) {
    std::int64_t const first =
        2 * (s * (events / config.shards) + std::min(s, events % config.shards));
    std::int64_t const size = 2 * (events / config.shards + (s < events % config.shards ? 1 : 0));
    std::int64_t const last = std::min(first + size, config.jets);
    write_shard(paths[static_cast<std::size_t>(s)], config.seed, first, last);
  }
  return paths;
}

}  // namespace jetcal::data
