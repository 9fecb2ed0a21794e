#include <algorithm>
#include <cmath>
#include <limits>

#include "train/recipe_schema.hpp"

namespace jetcal::train {
namespace {

constexpr std::int64_t kManyUpdates = std::int64_t{1} << 40;

struct OptimizerPreset {
  OptimizerKind kind;
  char const* name;
  double epsilon;
};

// The first of each kind is its default. Sources: docs of `preset` below.
constexpr OptimizerPreset kPresets[] = {
    {OptimizerKind::radam, "tfa", 1e-7},
    {OptimizerKind::radam, "torch", 1e-8},
    {OptimizerKind::radam, "author", 1e-8},
    {OptimizerKind::radam, "paper", 0},
    {OptimizerKind::diffgrad, "reference", 1e-8},
    {OptimizerKind::diffgrad, "keras", 1e-7},
    {OptimizerKind::adam, "", 1e-8},
    {OptimizerKind::sgd, "", 0},
};

std::vector<std::pair<std::string, OptimizerKind>> const& optimizer_words() {
  static std::vector<std::pair<std::string, OptimizerKind>> const words{
      {"radam", OptimizerKind::radam},
      {"diffgrad", OptimizerKind::diffgrad},
      {"adam", OptimizerKind::adam},
      {"sgd", OptimizerKind::sgd}};
  return words;
}

bool has_presets(OptimizerConfig const& o) {
  return o.kind == OptimizerKind::radam || o.kind == OptimizerKind::diffgrad;
}

schema::Codec<std::string> preset_codec() {
  schema::Codec<std::string> codec = schema::text();
  codec.shape.allowed = "radam: `tfa`, `torch`, `author`, `paper`; diffgrad: `reference`, `keras`";
  return codec;
}

void check_preset(OptimizerConfig const& o, Place const& place) {
  std::vector<std::string> names;
  for (OptimizerPreset const& p : kPresets) {
    if (p.kind == o.kind) { names.emplace_back(p.name); }
  }
  JETCAL_REQUIRE(std::count(names.begin(), names.end(), o.preset) == 1, ConfigError,
                 (place / "preset").text()
                     << ": is '" << o.preset << "' (of " << optimizer_name(o.kind)
                     << " it must be one of " << joined(names) << "). Did you mean '"
                     << nearest(o.preset, names) << "'?");
}

schema::Table<OptimizerConfig> optimizer_table() {
  auto const adaptive = [](OptimizerConfig const& o) { return o.kind != OptimizerKind::sgd; };
  std::string const adaptive_words = "`radam`, `diffgrad`, `adam`";
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
           "Which published implementation is followed. radam: TensorFlow Addons (epsilon 1e-7), "
           "PyTorch (1e-8), the authors' code (1e-8), the algorithm as printed (no epsilon). "
           "diffgrad: the authors' second version (1e-8), its Keras port (1e-7).")
      .only("`radam`, `diffgrad`", has_presets)
      .defaults("`\"tfa\"`, `\"reference\"`")
      .then([](OptimizerConfig& o) {
        for (OptimizerPreset const& p : kPresets) {
          if (p.kind == o.kind && p.name == o.preset) { o.epsilon = p.epsilon; }
        }
      });
  table
      .key("beta1", &OptimizerConfig::beta1, schema::number({0, 1, true, false}),
           "Decay of the mean of gradients.")
      .only(adaptive_words, adaptive);
  table
      .key("beta2", &OptimizerConfig::beta2, schema::number({0, 1, true, false}),
           "Decay of the mean of squared gradients.")
      .only(adaptive_words, adaptive);
  table
      .key("epsilon", &OptimizerConfig::epsilon, schema::number({0, 1, true, true}),
           "Added to the root of the mean square.")
      .only(adaptive_words, adaptive)
      .defaults("by `preset`; adam 1e-8, as PyTorch");
  table
      .key("momentum", &OptimizerConfig::momentum, schema::number({0, 1, true, false}),
           "As PyTorch's: v = momentum v + g.")
      .only("`sgd`", [](OptimizerConfig const& o) { return o.kind == OptimizerKind::sgd; });
  table.key("weight_decay", &OptimizerConfig::weight_decay, schema::number({0, 1, true, true}),
            "As the source has it: added to the update (radam `tfa`), decoupled (radam `author`, "
            "`paper`), added to the gradient (the others).");
  table.check(check_preset);
  return table;
}

schema::Codec<OptimizerConfig> optimizer_codec() {
  schema::Codec<OptimizerConfig> codec = schema::object(optimizer_table());
  codec.shape.type = "name or object";
  codec.read = [read = codec.read](Json const& json, Place const& place) {
    if (!json.is_string()) { return read(json, place); }
    // Read as the word it is, so that a message names this place and not a key inside.
    auto const kind = schema::one_of(optimizer_words()).read(json, place);
    return optimizer_defaults(kind);
  };
  codec.when_absent = Json("radam");
  return codec;
}

bool is_mdn(LossConfig const& l) { return l.kind == LossKind::mdn || l.kind == LossKind::mdna; }

bool is_kernel(LossConfig const& l) {
  return l.kind == LossKind::gaussian_kernel || l.kind == LossKind::leaky_gaussian_kernel;
}

schema::Table<LossConfig> loss_table() {
  using Truncation = std::optional<double>;
  std::string const mdn_words = "`mdn`, `mdna`";
  std::string const kernel_words = "`gaussian_kernel`, `leaky_gaussian_kernel`";
  schema::Table<LossConfig> table("The loss of one head. d = prediction - target, z = d / sigma");
  table
      .key("kind", &LossConfig::kind,
           schema::one_of<LossKind>({{"mdn", LossKind::mdn},
                                     {"mdna", LossKind::mdna},
                                     {"mse", LossKind::mse},
                                     {"mae", LossKind::mae},
                                     {"huber", LossKind::huber},
                                     {"gaussian_kernel", LossKind::gaussian_kernel},
                                     {"leaky_gaussian_kernel", LossKind::leaky_gaussian_kernel}}),
           "`mdn`: ln sigma + z^2 / 2 (arXiv:2311.08885, eq. 5). `mdna`: a Gaussian with a sigma "
           "for each side, ln((sigma_low + sigma_high) / 2) + z^2 / 2, the normalised form of "
           "eq. 6. `mse`: d^2, `mae`: abs d. The kernels: -norm exp(-d^2 / (2 alpha^2)), the "
           "leaky one plus beta abs d (ATLAS's small-radius calibration, arXiv:2303.17312).")
      .required();
  table
      .key<Truncation>(
          "truncation",
          [](LossConfig const& l) {
            return l.truncation > 0 ? Truncation(l.truncation) : Truncation();
          },
          [](LossConfig& l, Truncation n) { l.truncation = n.value_or(0); },
          schema::or_null(schema::number(schema::above(0))),
          "N: jets with abs z >= N do not count. null: all count.")
      .only(mdn_words, is_mdn);
  table
      .key("form", &LossConfig::form,
           schema::one_of<TruncationForm>(
               {{"detached", TruncationForm::detached}, {"literal", TruncationForm::literal}}),
           "Of a truncated loss. `detached`: the window is held fixed and ln sigma is weighted "
           "with the variance of a unit Gaussian cut at N, unbiased for a Gaussian core at every "
           "N. `literal`: jets outside are left out and nothing else changes, as the paper "
           "words it; sigma then comes out too small (0.726 of the true one at N = 2) and "
           "shrinks without end for N <= sqrt 3, so N <= 1.8 is refused without `force`.")
      .only(mdn_words, is_mdn);
  table.key("force", &LossConfig::force_literal, schema::boolean(), "Allow `literal` at N <= 1.8.")
      .only(mdn_words, is_mdn);
  table
      .key("divisor", &LossConfig::divisor,
           schema::one_of<Divisor>({{"all", Divisor::all}, {"kept", Divisor::kept}}),
           "The sum over a batch is divided by the weights of all its jets or of the kept ones. "
           "The paper does not say.")
      .only(mdn_words, is_mdn);
  table
      .key("delta", &LossConfig::delta, schema::number(schema::above(0)),
           "d^2 / 2 up to here, linear beyond.")
      .only("`huber`", [](LossConfig const& l) { return l.kind == LossKind::huber; });
  table
      .key("alpha", &LossConfig::alpha, schema::number(schema::above(0)),
           "Width of the kernel, in response.")
      .only(kernel_words, is_kernel);
  table.key("beta", &LossConfig::beta, schema::number(schema::at_least(0)), "The leak.")
      .only("`leaky_gaussian_kernel`",
            [](LossConfig const& l) { return l.kind == LossKind::leaky_gaussian_kernel; });
  table
      .key("norm", &LossConfig::norm,
           schema::one_of<KernelNorm>({{"slide", KernelNorm::slide},
                                       {"unit", KernelNorm::unit},
                                       {"density", KernelNorm::density}}),
           "1 / sqrt(2 pi), 1, or 1 / (alpha sqrt(2 pi)).")
      .only(kernel_words, is_kernel);
  table.check([](LossConfig const& l, Place const& place) {
    constexpr double kLeastLiteral = 1.8;
    bool const shrinks = is_mdn(l) && l.form == TruncationForm::literal && l.truncation > 0 &&
                         l.truncation <= kLeastLiteral;
    JETCAL_REQUIRE(!shrinks || l.force_literal, ConfigError,
                   (place / "truncation").text()
                       << ": is " << l.truncation << " in the literal form (must be above "
                       << kLeastLiteral
                       << ": sigma shrinks without end at N <= sqrt 3). Use form "
                          "'detached', or \"force\": true");
  });
  return table;
}

schema::Codec<double> average_codec() {
  struct Average {
    double decay = 0;
  };
  schema::Table<Average> table(
      "An exponential average of the weights, a = decay a + (1 - decay) w after every update");
  table
      .key("decay", &Average::decay, schema::number({0, 1, false, false}),
           "0.999 averages over about the last 1000 updates.")
      .required();
  auto const object = schema::or_null(schema::object(table));
  schema::Codec<double> codec;
  codec.shape = object.shape;
  codec.read = [object](Json const& json, Place const& place) {
    auto const average = object.read(json, place);
    return average ? average->decay : 0;
  };
  codec.write = [object](double const& decay) {
    return object.write(decay > 0 ? std::optional(Average{decay}) : std::nullopt);
  };
  return codec;
}

schema::Table<StepConfig> losses_table() {
  auto const loss = schema::or_null(schema::object(loss_table()));
  schema::Table<StepConfig> table(
      "A head without a loss (null or left out) is not trained in this step, and neither is what "
      "only it uses");
  table.key("energy", &StepConfig::energy, loss, "Loss of the energy head.");
  table.key("mass", &StepConfig::mass, loss, "Loss of the mass head.");
  return table;
}

}  // namespace

std::string optimizer_name(OptimizerKind kind) {
  for (auto const& [name, value] : optimizer_words()) {
    if (value == kind) { return name; }
  }
  throw Error("optimizer_name: no such optimizer");
}

OptimizerConfig optimizer_defaults(OptimizerKind kind, std::string const& preset) {
  OptimizerConfig out;
  out.kind = kind;
  for (OptimizerPreset const& p : kPresets) {
    if (p.kind != kind || (!preset.empty() && preset != p.name)) { continue; }
    out.preset = p.name;
    out.epsilon = p.epsilon;
    return out;
  }
  throw ConfigError("optimizer " + optimizer_name(kind) + ": has no preset '" + preset + "'");
}

schema::Table<StepConfig> step_table() {
  schema::Table<StepConfig> table(
      "One step of the schedule. Steps run one after the other, each from the weights the one "
      "before left");
  table
      .key("name", &StepConfig::name, schema::non_empty_text(),
           "What messages and metrics call it; every step has another.")
      .defaults("its number, from 1");
  table.key("epochs", &StepConfig::epochs, schema::number({0, 1e6, false, true}),
            "Passes over the training jets. A fraction ends the step inside its last epoch.");
  table.key("batch_size", &StepConfig::batch_size,
            schema::integer(1, std::numeric_limits<std::int32_t>::max()),
            "Jets of an update. The last batch of an epoch has what is left.");
  table
      .key("learning_rate", &StepConfig::learning_rate, schema::number({0, 10, false, true}),
           "At the step's start.")
      .then([](StepConfig& s) { s.learning_rate_end = s.learning_rate; });
  table
      .key("learning_rate_end", &StepConfig::learning_rate_end, schema::number({0, 10, true, true}),
           "At the step's end; linear in the update between.")
      .defaults("as `learning_rate`");
  table.key("optimizer", &StepConfig::optimizer, optimizer_codec(), "Rule of an update.")
      .defaults("`\"radam\"`")
      .then([](StepConfig& s) {
        s.warmup_updates = s.optimizer.kind == OptimizerKind::radam ? 0 : 100;
      });
  table
      .key("warmup_updates", &StepConfig::warmup_updates, schema::integer(0, kManyUpdates),
           "The learning rate rises linearly over the step's first updates. A fresh optimizer "
           "without warm-up moves every weight by about the learning rate at once, which can "
           "throw all jets out of a truncated loss; RAdam has its own.")
      .defaults("0 for radam, 100 otherwise");
  table.group("loss", losses_table(), "What is minimised: the sum of the heads' losses.")
      .required();
  table.key("freeze", &StepConfig::freeze, schema::list_of(schema::non_empty_text()),
            "What stays as it is: `annotation`, `core`, `gate`, `energy`, `mass`, or the beginning "
            "of parameter names up to a dot (`core.0`, `energy.head.bias`).");
  table.key("reset_optimizer", &StepConfig::reset_optimizer, schema::boolean(),
            "Start with a fresh optimizer state. false only where the step before has the same "
            "optimizer. The paper does not say; its pairs of equal steps suggest a reset.");
  table.key("average", &StepConfig::average_decay, average_codec(),
            "The step ends with an average of its weights instead of the last ones.");
  return table;
}

}  // namespace jetcal::train
