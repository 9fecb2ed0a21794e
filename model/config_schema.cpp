#include "model/config_schema.hpp"

#include <algorithm>
#include <vector>

namespace jetcal::model {
namespace {

using Widths = std::vector<std::int64_t>;

struct Preset {
  char const* name;
  Widths core, fork, gate;
};

std::vector<Preset> const& presets() {
  static std::vector<Preset> const all{
      {"P1", Widths(3, 210), Widths(5, 250), {210}},
      {"P2", Widths(5, 210), Widths(4, 260), {210}},
      {"P3", Widths(8, 210), Widths(3, 256), {256}},
      {"all210", Widths(3, 210), Widths(7, 210), {210}},
      {"small", Widths(3, 64), Widths(3, 80), {64}},
  };
  return all;
}

constexpr char kCustom[] = "custom";

std::vector<std::pair<std::string, std::string>> preset_words() {
  std::vector<std::pair<std::string, std::string>> words;
  for (Preset const& p : presets()) { words.emplace_back(p.name, p.name); }
  words.emplace_back(kCustom, kCustom);
  return words;
}

void fill_widths(NetworkConfig& network) {
  for (Preset const& p : presets()) {
    if (network.preset != p.name) { continue; }
    network.core = p.core;
    network.fork = p.fork;
    network.gate = p.gate;
  }
}

// A preset's name stands for its widths: other widths are no longer that preset.
void name_widths(NetworkConfig& network) {
  NetworkConfig named = network;
  fill_widths(named);
  if (named.core != network.core || named.fork != network.fork || named.gate != network.gate) {
    network.preset = kCustom;
  }
}

schema::Table<AnnotationConfig> annotation_table() {
  schema::Table<AnnotationConfig> table(
      "Extra inputs of the network, Gaussians exp(-(v - c)^2 / (2 w^2)) of one physical feature, "
      "appended to the features (arXiv:2311.08885, section 5.2: 11 of them, of eta). The paper "
      "does not give centres, widths or symmetry; the defaults follow the calorimeter's geometry: "
      "the presampler's end, the barrel's electrode change, the crack, the endcap wheels");
  table.key("enabled", &AnnotationConfig::enabled, schema::boolean(), "false: no such inputs.");
  table.key("feature", &AnnotationConfig::feature, schema::non_empty_text(),
            "Name of a feature with transform `none` or `abs`.");
  table.key("symmetric", &AnnotationConfig::symmetric, schema::boolean(),
            "Gaussians of abs v instead of v.");
  table.key("centres", &AnnotationConfig::centres, schema::list_of(schema::number(), 1),
            "c, in the feature's physical unit.");
  table.key("widths", &AnnotationConfig::widths,
            schema::list_of(schema::number(schema::above(0)), 1), "w, as many as centres.");
  table.check([](AnnotationConfig const& a, Place const& place) {
    JETCAL_REQUIRE(a.centres.size() == a.widths.size(), ConfigError,
                   place.text() << ": " << a.centres.size() << " centres but " << a.widths.size()
                                << " widths (must be as many)");
  });
  return table;
}

struct Heads {
  bool energy, mass;
};

schema::Codec<Heads> heads_codec() {
  auto const list =
      schema::list_of(schema::one_of<std::string>({{"energy", "energy"}, {"mass", "mass"}}), 1);
  schema::Codec<Heads> codec;
  codec.shape = list.shape;
  codec.read = [list](Json const& json, Place const& place) {
    auto const names = list.read(json, place);
    auto const count = [&](char const* name) {
      return std::count(names.begin(), names.end(), name);
    };
    if (count("energy") > 1 || count("mass") > 1) {
      schema::refuse(json, place, "each head at most once");
    }
    return Heads{count("energy") == 1, count("mass") == 1};
  };
  codec.write = [](Heads const& heads) {
    Json out = Json::array();
    if (heads.energy) { out.push_back("energy"); }
    if (heads.mass) { out.push_back("mass"); }
    return out;
  };
  return codec;
}

}  // namespace

NetworkConfig preset_network(std::string const& name) {
  NetworkConfig network;
  std::vector<std::string> names;
  for (Preset const& p : presets()) { names.emplace_back(p.name); }
  JETCAL_REQUIRE(std::count(names.begin(), names.end(), name) == 1, ConfigError,
                 "model: preset is '" << name << "' (must be one of " << joined(names) << ")");
  network.preset = name;
  fill_widths(network);
  return network;
}

schema::Table<NetworkConfig> network_table() {
  auto const widths = [](std::size_t least) {
    return schema::list_of(schema::integer(1, 16384), least);
  };
  schema::Table<NetworkConfig> table(
      "The network: inputs -> annotation -> core -> energy fork and mass fork -> heads; a gate "
      "from the inputs multiplies the mass fork's last hidden layer (arXiv:2311.08885, section "
      "5.3). Hidden layers have the Mish activation, heads give tanh(a) + 1");
  table
      .key("preset", &NetworkConfig::preset, schema::one_of(preset_words()),
           "Sets core, fork and gate. P1 (764,236 parameters with 21 features): core 3 x 210, "
           "forks 5 x 250, gate 210. P2 (764,406): 5 x 210, 4 x 260, 210. P3 (764,082): 8 x 210, "
           "3 x 256, 256. all210 (768,396): 3 x 210, 7 x 210, 210. small (54,550): 3 x 64, "
           "3 x 80, 64. The paper gives 210 neurons and about 764,000 parameters, not the "
           "layout. A recipe with other widths than the preset's is stored as `custom`; "
           "`--set model.preset=...` replaces widths written in the file.")
      .then(fill_widths);
  auto const is_custom = [](NetworkConfig const& n) { return n.preset == kCustom; };
  std::string const by_preset = "by `preset`; required for `custom`";
  table.key("core", &NetworkConfig::core, widths(0), "Widths of the shared hidden layers.")
      .required_if(by_preset, is_custom);
  table.key("fork", &NetworkConfig::fork, widths(1), "Widths of each fork's hidden layers.")
      .required_if(by_preset, is_custom);
  table
      .key("gate", &NetworkConfig::gate, widths(0),
           "Widths of the gate's hidden layers; its last layer, a softmax, has the fork's last "
           "width.")
      .required_if(by_preset, is_custom)
      .then(name_widths);
  table
      .key<Heads>(
          "heads",
          [](NetworkConfig const& n) {
            return Heads{n.energy, n.mass};
          },
          [](NetworkConfig& n, Heads h) {
            n.energy = h.energy;
            n.mass = h.mass;
          },
          heads_codec(), "What is predicted.")
      .then([](NetworkConfig& n) { n.residual = n.mass; });
  table
      .key("residual", &NetworkConfig::residual, schema::boolean(),
           "The gate exists. It multiplies the mass fork, so it needs the mass head.")
      .defaults("`true` with a mass head");
  table.key("gate_annotated", &NetworkConfig::gate_annotated, schema::boolean(),
            "The gate sees the annotated inputs (false: the features alone).");
  table.key("gate_scale", &NetworkConfig::gate_scale, schema::number(schema::above(0)),
            "Factor on the softmax, whose mean is 1 / width.");
  table.key("outputs", &NetworkConfig::outputs, schema::integer(2, 3),
            "Of a head: 3 (response, sigma_low, sigma_high) or 2 (response, sigma).");
  table.key("annotation", &NetworkConfig::annotation, schema::object(annotation_table()),
            "Gaussians of one feature as extra inputs.");
  table.check([](NetworkConfig const& n, Place const& place) {
    JETCAL_REQUIRE(!n.residual || n.mass, ConfigError,
                   (place / "residual").text()
                       << ": is true but there is no mass head for the gate to multiply (must be "
                          "false)");
  });
  return table;
}

NetworkConfig network_config(Json const& recipe, std::string const& where) {
  Document const document{where, ".", {}};
  auto const found = recipe.find("model");
  JETCAL_REQUIRE(recipe.is_object() && found != recipe.end(), ConfigError,
                 where << ": its recipe has no key 'model'");
  return network_table().read(*found, Place(document) / "model");
}

}  // namespace jetcal::model
