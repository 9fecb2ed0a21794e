#include "validate/standard/standard_file.hpp"

#include <array>
#include <cmath>

#include "engine/hdf5_io.hpp"
#include "engine/sealed_file.hpp"

namespace jetcal::validate::standard {
namespace {

constexpr char kFormat[] = "jetcal-standard-calibration 1";

// The columns of /energy/bins and /mass/bins.
struct Column {
  char const* name;
  double OwnBin::*member;
};
constexpr std::array<Column, 9> kColumns = {{{"eta_low", &OwnBin::eta_low},
                                             {"eta_high", &OwnBin::eta_high},
                                             {"energy_low", &OwnBin::energy_low},
                                             {"energy_high", &OwnBin::energy_high},
                                             {"ratio_low", &OwnBin::ratio_low},
                                             {"ratio_high", &OwnBin::ratio_high},
                                             {"mode_before", &OwnBin::before},
                                             {"mode_error", &OwnBin::error},
                                             {"mode_after", &OwnBin::after}}};

void write_bins(hdf5::Writer& group, std::vector<OwnBin> const& bins) {
  group.group("bins", [&](hdf5::Writer& out) {
    std::vector<double> values(bins.size());
    for (auto const& [name, member] : kColumns) {
      for (std::size_t i = 0; i < bins.size(); ++i) { values[i] = bins[i].*member; }
      out.doubles(name, values);
    }
    for (std::size_t i = 0; i < bins.size(); ++i) { values[i] = static_cast<double>(bins[i].jets); }
    out.doubles("jets", values);
  });
}

std::vector<OwnBin> read_bins(hdf5::Reader const& group) {
  hdf5::Reader const in = group.group("bins");
  std::vector<double> const jets = in.doubles("jets");
  std::vector<OwnBin> bins(jets.size());
  for (std::size_t i = 0; i < jets.size(); ++i) { bins[i].jets = std::llround(jets[i]); }
  for (auto const& [name, member] : kColumns) {
    auto const values = in.doubles(name);
    JETCAL_REQUIRE(values.size() == bins.size(), DataError,
                   in.path_of(name)
                       << ": has " << values.size() << " values (must be " << bins.size() << ")");
    for (std::size_t i = 0; i < bins.size(); ++i) { bins[i].*member = values[i]; }
  }
  return bins;
}

void write_energy(hdf5::Writer& group, DerivedEnergyScale const& energy) {
  EnergyScale const& scale = energy.scale;
  auto const n = static_cast<std::int64_t>(scale.bins().size());
  std::vector<double> first, step, responses, cut, low, made_from;
  for (EnergyScale::Bin const& bin : scale.bins()) {
    first.push_back(bin.table.first);
    step.push_back(bin.table.step);
    responses.insert(responses.end(), bin.table.values.begin(), bin.table.values.end());
    cut.push_back(bin.cut);
    low.insert(low.end(), std::begin(bin.low), std::end(bin.low));
  }
  for (std::int64_t const from : energy.made_from) {
    made_from.push_back(static_cast<double>(from));
  }
  group.attribute("signed_eta", std::int64_t{scale.signed_eta()});
  group.doubles("eta_edges", scale.eta_edges());
  group.doubles("first", first);
  group.doubles("step", step);
  group.doubles("response", responses, {n, static_cast<std::int64_t>(responses.size()) / n});
  group.doubles("cut", cut);
  group.doubles("low", low, {n, 3});
  group.doubles("made_from", made_from);
  write_bins(group, energy.bins);
}

DerivedEnergyScale read_energy(hdf5::Reader const& group) {
  auto const first = group.doubles("first"), step = group.doubles("step");
  auto const responses = group.doubles("response"), cut = group.doubles("cut");
  auto const low = group.doubles("low"), made_from = group.doubles("made_from");
  std::size_t const n = first.size();
  JETCAL_REQUIRE(n > 0 && step.size() == n && !responses.empty() && responses.size() % n == 0 &&
                     cut.size() == n && low.size() == 3 * n && made_from.size() == n,
                 DataError,
                 group.path_of("") << ": 'first', 'step', 'response', 'cut', 'low' and "
                                      "'made_from' are of different bins (must be of the same)");
  std::size_t const nodes = responses.size() / n;
  std::vector<EnergyScale::Bin> bins(n);
  std::vector<std::int64_t> from;
  for (std::size_t b = 0; b < n; ++b) {
    auto const begin = responses.begin() + static_cast<std::ptrdiff_t>(b * nodes);
    bins[b].table = {first[b], step[b], {begin, begin + static_cast<std::ptrdiff_t>(nodes)}};
    bins[b].cut = cut[b];
    for (std::size_t i = 0; i < 3; ++i) { bins[b].low[i] = low[3 * b + i]; }
    from.push_back(std::llround(made_from[b]));
  }
  return {EnergyScale(group.doubles("eta_edges"), group.integer_attribute("signed_eta") != 0,
                      std::move(bins), group.path_of("")),
          read_bins(group), std::move(from)};
}

void write_mass(hdf5::Writer& group, DerivedMassScale const& mass) {
  MassScale::Axes const& axes = mass.scale.axes();
  group.doubles("log_energy", axes.log_energy);
  group.doubles("log_ratio", axes.log_ratio);
  group.doubles("abs_eta", axes.abs_eta);
  group.doubles("max_abs_eta", std::array{axes.max_abs_eta});
  group.doubles("response", mass.scale.responses(),
                {static_cast<std::int64_t>(axes.log_energy.size()),
                 static_cast<std::int64_t>(axes.log_ratio.size()),
                 static_cast<std::int64_t>(axes.abs_eta.size())});
  group.attribute("lines", mass.lines);
  group.attribute("lines_filled", mass.filled);
  group.attribute("lines_shortened", mass.shortened);
  write_bins(group, mass.bins);
}

DerivedMassScale read_mass(hdf5::Reader const& group) {
  auto const end = group.doubles("max_abs_eta");
  JETCAL_REQUIRE(end.size() == 1, DataError,
                 group.path_of("max_abs_eta") << ": has " << end.size() << " values (must be 1)");
  MassScale scale({group.doubles("log_energy"), group.doubles("log_ratio"),
                   group.doubles("abs_eta"), end.front()},
                  group.doubles("response"), group.path_of(""));
  return {std::move(scale), read_bins(group), group.integer_attribute("lines"),
          group.integer_attribute("lines_filled"), group.integer_attribute("lines_shortened")};
}

Json split_json(data::SplitRule const& split) {
  return {
      {"validation_fraction", split.fraction}, {"group", split.group}, {"split_key", split.key}};
}

data::SplitRule split_of(Json const& json, std::string const& where) {
  try {
    return {json.at("validation_fraction").get<double>(), json.at("group").get<std::string>(),
            json.at("split_key").get<std::uint64_t>()};
  } catch (nlohmann::json::exception const&) {
    throw DataError(where + ": @split is " + brief(json) +
                    " (must have validation_fraction, group and split_key)");
  }
}

}  // namespace

void write_standard(std::filesystem::path const& path, StandardFile const& file) {
  auto const image = hdf5::file_image(kSealBytes, [&](hdf5::Writer& root) {
    root.attribute("format", std::string(kFormat));
    root.attribute("code_version", file.code_version);
    root.attribute("settings", settings_table().write(file.settings).dump());
    root.attribute("split", split_json(file.split).dump());
    root.attribute("provenance", file.provenance.dump());
    root.group("energy", [&](hdf5::Writer& group) { write_energy(group, file.energy); });
    root.group("mass", [&](hdf5::Writer& group) { write_mass(group, file.mass); });
  });
  write_sealed(path, kKind, image);
}

StandardFile read_standard(std::filesystem::path const& path) {
  std::string const where = path.string();
  hdf5::Reader const root(read_sealed(path, kKind), where);
  std::string const format = root.text_attribute("format");
  JETCAL_REQUIRE(format == kFormat, DataError,
                 where << ": has format '" << format << "' (this jetcal reads '" << kFormat
                       << "'). Use the jetcal that wrote it");
  try {
    Document const document{where + ": settings", {}, {}};
    return {
        root.text_attribute("code_version"),
        settings_table().read(parse_json(root.text_attribute("settings"), where), Place(document)),
        split_of(parse_json(root.text_attribute("split"), where), where),
        parse_json(root.text_attribute("provenance"), where),
        read_energy(root.group("energy")),
        read_mass(root.group("mass"))};
  } catch (ConfigError const& e) {
    throw DataError(std::string(e.what()) + ". Use the jetcal that wrote it");
  }
}

}  // namespace jetcal::validate::standard
