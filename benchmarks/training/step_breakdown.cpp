// Question: where does the time of a training step go?
//
//   step_breakdown [--precision fp32|bf16] [--batch 15000] [--seconds 4]
//
// One thread takes tiles through the network as the training does, with a clock around every part:
// dense products and their activations apart (the training has them fused, so the sum is a little
// more than its time), the gate, heads and losses, annotation, packing, lanes and optimizer.
// Processor time, so that others on the machine enter little. What threads wait for each other is
// measured with the real step: the processor time that is missing from threads x wall time, which
// on a machine that others use too is theirs as well.

#include <CLI/CLI.hpp>
#include <cstdio>
#include <map>
#include <string>
#include <type_traits>
#include <vector>

#include "benchmarks/clock.hpp"
#include "benchmarks/training/bench.hpp"
#include "engine/lanes.hpp"

namespace jetcal {
namespace {

std::map<std::string, double> seconds_of_part;

template <class Work>
void clocked(char const* part, Work const& work) {
  double const start = bench::thread_seconds();
  work();
  seconds_of_part[part] += bench::thread_seconds() - start;
}

/// Passes ops on with a clock around them, a dense layer's activation after its product.
class ClockedBackend final : public Backend {
 public:
  explicit ClockedBackend(Precision precision)
      : inner_(make_cpu_backend(DenseKernels::own, precision)) {}
  using Backend::backward;
  using Backend::forward;
  using Backend::prepare;

  void forward(Dense const& op, OpIo const& io) const override {
    Dense product = op;
    product.activation = Activation::none;
    clocked("dense products", [&] { inner_->forward(product, io); });
    clocked("activations", [&] { cpu::dense_activation(op.activation, io.value, io.saved); });
  }
  void backward(Dense const& op, OpIo const& io) const override {
    if (op.activation != Activation::none) {
      clocked("activations", [&] { cpu::dense_backward_activation(io.saved, io.grad); });
    }
    Dense product = op;
    product.activation = Activation::none;
    clocked("dense products", [&] { inner_->backward(product, io); });
  }
  void forward(Head const& op, OpIo const& io) const override {
    clocked("heads and losses", [&] { inner_->forward(op, io); });
  }
  void backward(Head const& op, OpIo const& io) const override {
    clocked("heads and losses", [&] { inner_->backward(op, io); });
  }
  void forward(SoftmaxGate const& op, OpIo const& io) const override {
    clocked("softmax gate", [&] { inner_->forward(op, io); });
  }
  void backward(SoftmaxGate const& op, OpIo const& io) const override {
    clocked("softmax gate", [&] { inner_->backward(op, io); });
  }
  void forward(Annotation const& op, OpIo const& io) const override {
    clocked("annotation", [&] { inner_->forward(op, io); });
  }
  void backward(Annotation const& op, OpIo const& io) const override {
    clocked("annotation", [&] { inner_->backward(op, io); });
  }
  void prepare(Dense const& op, Layout const& l, float const* from, float* to) const override {
    clocked("packing weights", [&] { inner_->prepare(op, l, from, to); });
  }
  void prepare(Head const& op, Layout const& l, float const* from, float* to) const override {
    clocked("packing weights", [&] { inner_->prepare(op, l, from, to); });
  }
  void prepare(SoftmaxGate const&, Layout const&, float const*, float*) const override {}
  void prepare(Annotation const&, Layout const&, float const*, float*) const override {}

 private:
  std::unique_ptr<Backend> inner_;
};

ConstMat rows_of(ConstMat m, std::int64_t first, std::int64_t rows) {
  return {m.row(first), rows, m.cols, m.ld};
}

}  // namespace
}  // namespace jetcal

int main(int argc, char** argv) {
  using namespace jetcal;
  CLI::App app{"Where the time of a training step goes"};
  std::string precision = "fp32";
  std::int64_t batch = 15'000;
  double seconds = 4;
  app.add_option("--precision", precision)->check(CLI::IsMember({"fp32", "bf16"}));
  app.add_option("--batch", batch);
  app.add_option("--seconds", seconds);
  CLI11_PARSE(app, argc, argv);

  constexpr std::int64_t kTile = 378, kLaneCount = 8;
  ExecutionOptions options;
  options.precision = parse_precision(precision);
  bench::Bench b(options, batch);
  model::RecordedNetwork const net = b.record(true);
  ClockedBackend const backend(options.precision);
  Buffer prepared({}, net.tape.prepared_size());
  Buffer memory({}, net.tape.floats_per_row() * kTile);
  std::vector<Buffer> lanes;
  std::vector<float*> lane_data;
  for (std::int64_t i = 0; i < kLaneCount; ++i) {
    lanes.emplace_back(Device{}, net.tape.layout().size());
    lane_data.push_back(lanes.back().data());
  }
  std::vector<Buffer> states;
  for (int i = 0; i < 2; ++i) { states.emplace_back(Device{}, net.tape.layout().size()); }
  std::vector<float> const scalars(2, 1.0f / static_cast<float>(batch));
  std::int64_t steps = 0;
  Lanes const cut(batch, kLaneCount);
  auto const step = [&] {
    for (Id i = 0; i < net.tape.size(); ++i) {
      std::visit(
          [&](auto const& op) {
            if constexpr (!std::is_same_v<std::decay_t<decltype(op)>, Tape::Input>) {
              backend.prepare(op, net.tape.layout(), b.parameters.data(),
                              prepared.data() + net.tape[i].prepared_at);
            }
          },
          net.tape[i].op);
    }
    for (std::int64_t lane = 0; lane < cut.count; ++lane) {
      Tape::Workspace work{memory.data(), kTile, false};
      PassArguments pass;
      pass.parameters = b.parameters.data();
      pass.prepared = prepared.data();
      pass.scalars = scalars.data();
      pass.gradients = lane_data[static_cast<std::size_t>(lane)];
      for (std::int64_t first = cut.begin(lane); first < cut.begin(lane + 1); first += kTile) {
        std::int64_t const n = std::min(kTile, cut.begin(lane + 1) - first);
        pass.rows = n;
        pass.inputs = {rows_of(b.x(), first, n),
                       {b.targets.data() + 2 * first, n, 2, 2},
                       {b.weights.data() + first, n, 1, 1}};
        net.tape.forward(backend, work, pass);
        net.tape.backward(backend, work, pass);
        pass.add_gradients = true;
      }
    }
    std::int64_t const size = net.tape.layout().size();
    clocked("sum of lanes",
            [&] { cpu::sum_lanes(lane_data.data(), static_cast<int>(cut.count), 0, size); });
    clocked("optimizer", [&] {
      cpu::squared_norm(lane_data[0], 0, size);
      cpu::optimizer_update(radam_step(radam_options(RadamPreset::tfa), ++steps, 1e-3),
                            b.parameters.data(), {states[0].data(), states[1].data()}, lane_data[0],
                            size);
    });
  };
  step();
  seconds_of_part.clear();
  steps = 0;
  double const start = bench::thread_seconds();
  while (steps < 2 || bench::thread_seconds() - start < seconds) { step(); }
  double const all = bench::thread_seconds() - start;
  double const jets = static_cast<double>(batch * steps);
  double rest = all;
  for (auto const& [part, time] : seconds_of_part) { rest -= time; }
  seconds_of_part["all else"] = rest;
  std::printf("%-18s %9s %7s   (%s, one thread, batch %ld)\n", "part", "us a jet", "share",
              precision.c_str(), static_cast<long>(batch));
  for (auto const& [part, time] : seconds_of_part) {
    std::printf("%-18s %9.3f %6.1f%%\n", part.c_str(), 1e6 * time / jets, 100 * time / all);
  }

  // Waiting, with the real step on two threads.
  options.threads = 2;
  bench::Bench two(options, batch);
  bench::Result const r = bench::time_training(two, seconds);
  std::printf("%-18s %9s %6.1f%%   (two threads: %.0f jets/s, %.0f a CPU second)\n", "waiting", "",
              100 * (1 - r.jets_per_s / (2 * r.jets_per_cpu_s)), r.jets_per_s, r.jets_per_cpu_s);
  return 0;
}
