// A whole update of the paper's network on jets that lie on the device: gathered, forward, losses,
// backward, gradient norm, RAdam, results on the host. Two are in flight, as in a training.

#include <cmath>
#include <memory>
#include <numeric>
#include <thread>

#include "benchmarks/cuda/cases.hpp"
#include "benchmarks/cuda/kinds.hpp"
#include "kernels/execution.hpp"
#include "model/config_schema.hpp"
#include "model/network.hpp"
#include "tests/emulator/emulator.hpp"

namespace jetcal::bench {
namespace {

using test::Comparison;

constexpr std::int64_t kFeatures = 21;

/// P1; a small one on the emulator, where nothing is timed.
model::Network network() {
  std::vector<std::string> names{"energy", "mass", "eta"};
  while (names.size() < kFeatures) { names.push_back("f" + std::to_string(names.size())); }
  return {model::preset_network(emulator_client::present() ? "small" : "P1"), names};
}

model::RecordedNetwork record(model::Network const& network) {
  model::Recording what;
  what.training = true;
  what.energy_loss = what.mass_loss = LossConfig{};
  return network.record(what, {0.4f, 0.0f});
}

/// Jets as the loader packs them: features, targets near 1, a bin that nobody asks for.
struct Jets {
  static constexpr RecordForm kForm{kFeatures, false};

  explicit Jets(std::int64_t n)
      : rows(n),
        order{0, n, Permutation(static_cast<std::uint64_t>(n), RandomStream(1, Purpose::test))},
        x(test::uniform(n * kFeatures, -1, 1, test::seed_of("features"))),
        targets(test::uniform(n * 2, 0.7, 1.3, test::seed_of("targets"))) {}

  std::vector<std::uint32_t> records() const {
    std::vector<std::uint32_t> words;
    for (std::int64_t r = 0; r < rows; ++r) {
      for (std::int64_t i = 0; i < kForm.words(); ++i) {
        float const v = i < kFeatures ? x[static_cast<std::size_t>(r * kFeatures + i)]
                        : i < kForm.bin_at()
                            ? targets[static_cast<std::size_t>(r * 2 + i - kFeatures)]
                            : 0;
        words.push_back(std::bit_cast<std::uint32_t>(v));
      }
    }
    return words;
  }

  std::int64_t rows;
  RecordOrder order;
  std::vector<float> x, targets;
};

/// An execution with parameters and RAdam's moments of its own.
class Training {
 public:
  Training(ExecutionOptions const& options, model::Network const& network)
      : execution_(make_execution(options)), parameters_(options.device, network.layout().size()) {
    parameters_.upload(network.initial_parameters(1));
    for (int i = 0; i < 2; ++i) { states_.emplace_back(options.device, parameters_.size()); }
  }

  Execution& execution() { return *execution_; }
  std::vector<float> parameters() const { return parameters_.download(); }

  void start(Tape const& tape, JetBatch const& batch) {
    static PassOptions const pass{{Divisor::all, Divisor::all}};
    OptimizerStep const step = radam_step(radam_options(RadamPreset::tfa), ++updates_, 1e-3);
    execution_->start_update({tape, pass, step, parameters_, states_}, batch);
  }

 private:
  std::unique_ptr<Execution> execution_;
  Buffer parameters_;
  std::vector<Buffer> states_;
  std::int64_t updates_ = 0;
};

/// Losses and the gradient's norm.
std::vector<double> numbers(PassResult const& result) {
  return {result.heads[0].loss, result.heads[1].loss, std::sqrt(result.norm.sum_of_squares)};
}

class Updates {
 public:
  Updates(std::int64_t rows, Precision precision)
      : jets_(rows),
        network_(network()),
        recorded_(record(network_)),
        precision_(precision),
        training_(options(precision), network_) {
    std::vector<std::uint32_t> const words = jets_.records();
    Execution& execution = training_.execution();
    execution.reserve({{recorded_.tape, rows}}, 0);
    JETCAL_REQUIRE(
        execution.make_resident({Jets::kForm, words.data(), rows, Jets::kForm.words()}, 0),
        DeviceError, "the jets of a batch do not fit into the device's memory");
  }

  void enqueue() {
    if (in_flight_ == training_.execution().most_in_flight()) { finish(); }
    training_.start(recorded_.tape, ResidentBatch{jets_.order, 0, jets_.rows});
    ++in_flight_;
  }
  void wait() {
    while (in_flight_ > 0) { finish(); }
  }

  /// The same updates on the CPU. fp32: the same parameters to the bit. Else losses and the norm as
  /// in tests/cuda/precision_test.cpp: an error like a random walk's, a unit of the last place for
  /// each of 6 roundings in 12 layers.
  Comparison check() {
    wait();
    ExecutionOptions on_cpu;
    on_cpu.threads = static_cast<int>(std::max(1u, std::thread::hardware_concurrency()));
    Training training(on_cpu, network_);
    Gathered const batch(jets_);
    std::vector<double> want;
    for (int i = 0; i < updates_; ++i) {
      training.start(recorded_.tape, batch.host());
      want = numbers(training.execution().finish());
    }
    if (precision_ == Precision::fp32) {
      return test::compare_bits(training_.parameters(), training.parameters());
    }
    double const unit = precision_ == Precision::tf32 ? 0x1p-11 : 0x1p-8;
    return test::compare(numbers_, want, {4 * std::sqrt(72.0) * unit, 0});
  }

  double flops() const {
    double sum = 0;
    for (Id id = 0; id < recorded_.tape.size(); ++id) {
      auto const& entry = recorded_.tape[id];
      auto const product = [&](auto const& op) {
        int const products = 1 + int{op.train} + int{recorded_.tape[entry.inputs[0]].needs_grad};
        sum += 2.0 * products * static_cast<double>(jets_.rows * op.inputs * op.outputs);
      };
      if (auto const* const dense = std::get_if<Dense>(&entry.op)) { product(*dense); }
      if (auto const* const head = std::get_if<Head>(&entry.op)) { product(*head); }
    }
    return sum;
  }

 private:
  /// The batch on the host.
  struct Gathered {
    explicit Gathered(Jets const& jets)
        : x(jets.rows, kFeatures),
          targets(static_cast<std::size_t>(2 * jets.rows)),
          weights(static_cast<std::size_t>(jets.rows), 1.0f) {
      for (std::int64_t r = 0; r < jets.rows; ++r) {
        std::int64_t const place = jets.order.place(r);
        std::copy_n(jets.x.data() + place * kFeatures, kFeatures, x.view().row(r));
        std::copy_n(jets.targets.data() + place * 2, 2, targets.data() + r * 2);
      }
    }
    HostBatch host() const {
      return {x.view(), {targets.data(), x.view().rows, 2, 2}, weights.data()};
    }
    test::HostMatrix x;
    std::vector<float> targets, weights;
  };

  static ExecutionOptions options(Precision precision) {
    ExecutionOptions options;
    options.device = {Device::Kind::cuda, 0};
    options.precision = precision;
    return options;
  }

  void finish() {
    numbers_ = numbers(training_.execution().finish());
    --in_flight_;
    ++updates_;
  }

  Jets jets_;
  model::Network network_;
  model::RecordedNetwork recorded_;
  Precision precision_;
  Training training_;
  std::size_t in_flight_ = 0;
  int updates_ = 0;
  std::vector<double> numbers_;
};

template <class T>
NamedCase update(Precision precision) {
  return {"update/" + Kind<T>::name() + "/own", false, [=](std::int64_t rows) {
            auto const updates = std::make_shared<Updates>(rows, precision);
            return Case{0,
                        updates->flops(),
                        Kind<T>::kTensorBits,
                        [updates] { updates->enqueue(); },
                        [updates] { return updates->check(); },
                        [updates] { updates->wait(); }};
          }};
}

}  // namespace

std::vector<NamedCase> step_cases() {
  return {update<float>(Precision::fp32), update<cuda::Tf32>(Precision::tf32),
          update<cuda::Bf16>(Precision::bf16)};
}

}  // namespace jetcal::bench
