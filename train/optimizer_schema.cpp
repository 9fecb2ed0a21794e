#include <algorithm>

#include "kernels/adam.hpp"
#include "kernels/diffgrad.hpp"
#include "kernels/radam.hpp"
#include "train/recipe_schema.hpp"

namespace jetcal::train {
namespace {

std::vector<std::pair<std::string, OptimizerKind>> const& optimizer_words() {
  static std::vector<std::pair<std::string, OptimizerKind>> const words{
      {"radam", OptimizerKind::radam},
      {"diffgrad", OptimizerKind::diffgrad},
      {"adam", OptimizerKind::adam},
      {"sgd", OptimizerKind::sgd}};
  return words;
}

// The presets of an optimizer, the default first; none: it has no presets.
std::vector<std::string> presets_of(OptimizerKind kind) {
  switch (kind) {
    case OptimizerKind::radam:
      return {"tfa", "torch", "author", "paper"};
    case OptimizerKind::diffgrad:
      return {"reference", "keras"};
    case OptimizerKind::adam:
    case OptimizerKind::sgd:
      return {};
  }
  throw Error("presets_of: no such optimizer");
}

bool has_preset(OptimizerConfig const& o) {
  auto const own = presets_of(o.kind);
  return std::count(own.begin(), own.end(), o.preset) == 1;
}

double epsilon_of(OptimizerConfig const& o) {
  switch (o.kind) {
    case OptimizerKind::radam:
      return radam_options(o.preset).epsilon;
    case OptimizerKind::diffgrad:
      return diffgrad_options(o.preset).epsilon;
    case OptimizerKind::adam:
      return AdamOptions{}.epsilon;
    case OptimizerKind::sgd:
      return 0;
  }
  throw Error("epsilon_of: no such optimizer");
}

schema::Codec<std::string> preset_codec() {
  std::vector<std::pair<std::string, std::string>> words;
  for (auto const& [name, kind] : optimizer_words()) {
    for (std::string const& preset : presets_of(kind)) { words.emplace_back(preset, preset); }
  }
  return schema::one_of(words);
}

// Which of the keys an optimizer has.
bool takes_preset(OptimizerConfig const& o) { return !presets_of(o.kind).empty(); }
bool is_adaptive(OptimizerConfig const& o) { return o.kind != OptimizerKind::sgd; }
bool takes_momentum(OptimizerConfig const& o) { return o.kind == OptimizerKind::sgd; }
bool takes_weight_decay(OptimizerConfig const& o) {
  return o.kind != OptimizerKind::radam || o.preset != "paper";
}

schema::Table<OptimizerConfig> optimizer_table() {
  std::string const adaptive = "`radam`, `diffgrad`, `adam`";
  schema::Interval const below_one{0, 1, true, false};
  schema::Interval const to_one{0, 1, true, true};
  schema::Table<OptimizerConfig> table(
      "An optimizer. The name alone, as text, stands for the object with that name and defaults");
  table
      .key("name", &OptimizerConfig::kind, schema::one_of(optimizer_words()),
           "Rectified Adam (arXiv:1908.03265), diffGrad (arXiv:1909.11015), Adam "
           "(arXiv:1412.6980), stochastic gradient descent with momentum.")
      .required()
      .then([](OptimizerConfig& o) { o = optimizer_defaults(o.kind); });
  table
      .key("preset", &OptimizerConfig::preset, preset_codec(),
           "Which published implementation is followed. radam: `tfa` TensorFlow Addons (epsilon "
           "1e-7), `torch` PyTorch (1e-8), `author` the authors' code (1e-8), `paper` the "
           "algorithm as printed (0). diffgrad: `reference` the authors' second version (1e-8), "
           "`keras` its Keras port (1e-7).")
      .only("`radam`, `diffgrad`", takes_preset)
      .defaults("`\"tfa\"`, `\"reference\"`")
      // Another optimizer's preset has no epsilon here; the rule below refuses it.
      .then([](OptimizerConfig& o) { o.epsilon = has_preset(o) ? epsilon_of(o) : o.epsilon; });
  table
      .key("beta1", &OptimizerConfig::beta1, schema::number(below_one),
           "Decay of the mean of gradients.")
      .only(adaptive, is_adaptive);
  table
      .key("beta2", &OptimizerConfig::beta2, schema::number(below_one),
           "Decay of the mean of squared gradients.")
      .only(adaptive, is_adaptive);
  table
      .key("epsilon", &OptimizerConfig::epsilon, schema::number(to_one),
           "Added to the root of the mean square.")
      .only(adaptive, is_adaptive)
      .defaults("by `preset`; adam 1e-8, as PyTorch");
  table
      .key("momentum", &OptimizerConfig::momentum, schema::number(below_one),
           "As PyTorch's: v = momentum v + g.")
      .only("`sgd`", takes_momentum);
  table
      .key("weight_decay", &OptimizerConfig::weight_decay, schema::number(to_one),
           "As the source has it: p -= lr wd p (radam `tfa`; `author` only with an update), or "
           "wd p added to the gradient (the others).")
      .only("all but radam `paper`", takes_weight_decay);
  table.check([](OptimizerConfig const& o, Place const& place) {
    JETCAL_REQUIRE(!takes_preset(o) || has_preset(o), ConfigError,
                   (place / "preset").text()
                       << ": is '" << o.preset << "' (of " << optimizer_name(o.kind)
                       << " it must be one of " << joined(presets_of(o.kind)) << ")");
  });
  return table;
}

}  // namespace

std::string optimizer_name(OptimizerKind kind) {
  for (auto const& [name, value] : optimizer_words()) {
    if (value == kind) { return name; }
  }
  throw Error("optimizer_name: no such optimizer");
}

OptimizerConfig optimizer_defaults(OptimizerKind kind) {
  OptimizerConfig out;
  out.kind = kind;
  auto const presets = presets_of(kind);
  out.preset = presets.empty() ? "" : presets.front();
  out.epsilon = epsilon_of(out);
  return out;
}

schema::Codec<OptimizerConfig> optimizer_codec() {
  schema::Codec<OptimizerConfig> codec = schema::object(optimizer_table());
  codec.shape.type = "name or object";
  codec.read = [read = codec.read](Json const& json, Place const& place) {
    if (!json.is_string()) { return read(json, place); }
    // Read as the word it is, so that a message names this place and not a key inside.
    return optimizer_defaults(schema::one_of(optimizer_words()).read(json, place));
  };
  codec.when_absent = Json("radam");
  return codec;
}

}  // namespace jetcal::train
