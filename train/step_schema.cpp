#include <limits>

#include "train/recipe_schema.hpp"

namespace jetcal::train {
namespace {

constexpr std::int64_t kManyUpdates = std::int64_t{1} << 40;

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
      "An exponential average of the step's weights: a = d a + (1 - d) w after update t = 0, 1, "
      "..., "
      "with d = min(decay, (1 + t) / (10 + t))");
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
