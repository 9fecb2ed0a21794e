#pragma once

#include <deque>
#include <memory>
#include <vector>

#include "tests/cuda/problem.hpp"
#include "tests/kernels/response_rows.hpp"

namespace jetcal::test {

inline model::Recording with_losses(double truncation) {
  model::Recording what;
  what.training = true;
  LossConfig loss;
  loss.truncation = truncation;
  what.energy_loss = loss;
  what.mass_loss = loss;
  return what;
}

/// The CPU and the device with the same parameters, taken through the same calls.
class TwoSides {
 public:
  explicit TwoSides(model::Network const& network, std::int64_t lanes = 8) : network_(network) {
    auto const start = network.initial_parameters(7);
    for (Device const device : {Device{}, kCuda}) {
      ExecutionOptions options;
      options.device = device;
      options.lanes = lanes;
      sides_.push_back({make_execution(options),
                        Buffer(device, network.layout().size()),
                        Buffer(device, network.layout().size()),
                        {}});
      sides_.back().parameters.upload(start);
      sides_.back().averages.copy_from(sides_.back().parameters);
    }
  }

  void begin_optimizer(std::size_t n_states) {
    for (Side& side : sides_) {
      side.states.clear();
      for (std::size_t i = 0; i < n_states; ++i) {
        side.states.emplace_back(side.parameters.device(), network_.layout().size());
      }
    }
  }

  /// Forward and backward; everything that comes back is compared.
  void train(model::RecordedNetwork const& net, Sample const& sample, PassOptions const& options) {
    PassResult const& cpu =
        sides_[0].execution->train(net.tape, sample.batch(), options, sides_[0].parameters);
    PassResult const& cuda =
        sides_[1].execution->train(net.tape, sample.batch(), options, sides_[1].parameters);
    check_same(cuda, cpu);
    CHECK(cpu.norm.sum_of_squares > 0);
    CHECK_SAME_BITS(sides_[1].execution->gradients().download(),
                    sides_[0].execution->gradients().download());
  }

  /// A whole update, of weights, states and averages: done on the CPU, in flight on the device.
  void start_update(model::RecordedNetwork const& net, Sample const& sample,
                    PassOptions const& options, OptimizerStep const& step, float decay = 0.9f) {
    start_update(net, sample.batch(), sample.batch(), options, step, decay);
  }
  /// The same jets on both sides, each where that side takes them from.
  void start_update(model::RecordedNetwork const& net, JetBatch const& of_cpu,
                    JetBatch const& of_cuda, PassOptions const& options, OptimizerStep const& step,
                    float decay = 0.9f) {
    for (Side& side : sides_) {
      side.execution->start_update(
          {net.tape, options, step, side.parameters, side.states, &side.averages, decay},
          &side == &sides_[0] ? of_cpu : of_cuda);
    }
    wanted_.push_back(cpu().finish());
  }
  void start_evaluation(model::RecordedNetwork const& net, Sample const& sample) {
    start_evaluation(net, sample.batch(), sample.batch());
  }
  void start_evaluation(model::RecordedNetwork const& net, JetBatch const& of_cpu,
                        JetBatch const& of_cuda) {
    cpu().start_evaluation(net.tape, of_cpu, sides_[0].parameters);
    cuda().start_evaluation(net.tape, of_cuda, sides_[1].parameters);
    wanted_.push_back(cpu().finish());
  }
  /// The oldest result.
  void finish() {
    check_same(sides_[1].execution->finish(), wanted_.front());
    wanted_.pop_front();
  }
  std::size_t in_flight() const { return wanted_.size(); }

  /// Evaluations count responses in these bins until take_responses(), which compares them.
  void begin_responses(model::RecordedNetwork const& net, ResponseBins const& bins) {
    for (Side& side : sides_) { side.execution->begin_responses({net.energy, net.mass}, bins); }
  }
  ResponseHistograms take_responses() {
    ResponseHistograms want = cpu().take_responses();
    CHECK(same_histograms(cuda().take_responses(), want));
    return want;
  }

  void predict(model::RecordedNetwork const& net, Sample const& sample) {
    auto const n = static_cast<std::size_t>(3 * sample.rows);
    std::vector<std::vector<float>> found;
    for (Side& side : sides_) {
      std::vector<float> energy(n), mass(n);
      side.execution->predict(
          net.tape, sample.batch().features, side.parameters, {net.energy, net.mass},
          {Mat{energy.data(), sample.rows, 3, 3}, Mat{mass.data(), sample.rows, 3, 3}});
      found.push_back(energy);
      found.push_back(mass);
    }
    CHECK_SAME_BITS(found[2], found[0]);
    CHECK_SAME_BITS(found[3], found[1]);
  }

  void check_same_state() const {
    CHECK_SAME_BITS(sides_[1].parameters.download(), sides_[0].parameters.download());
    CHECK_SAME_BITS(sides_[1].averages.download(), sides_[0].averages.download());
    for (std::size_t i = 0; i < sides_[0].states.size(); ++i) {
      CHECK_SAME_BITS(sides_[1].states[i].download(), sides_[0].states[i].download());
    }
  }

  Execution& cpu() { return *sides_[0].execution; }
  Execution& cuda() { return *sides_[1].execution; }
  Buffer& cuda_parameters() { return sides_[1].parameters; }
  std::vector<Buffer>& cuda_states() { return sides_[1].states; }

 private:
  struct Side {
    std::unique_ptr<Execution> execution;
    Buffer parameters, averages;
    std::vector<Buffer> states;
  };

  static void check_same(PassResult const& got, PassResult const& want) {
    CHECK(got.weight == want.weight);
    CHECK(got.norm.sum_of_squares == want.norm.sum_of_squares);
    CHECK(got.norm.non_finite == want.norm.non_finite);
    REQUIRE(got.heads.size() == want.heads.size());
    for (std::size_t h = 0; h < want.heads.size(); ++h) {
      CAPTURE(h);
      CHECK(got.heads[h].loss == want.heads[h].loss);
      CHECK(got.heads[h].kept == want.heads[h].kept);
      CHECK_SAME_BITS(got.heads[h].row_loss, want.heads[h].row_loss);
      CHECK_SAME_BITS(got.heads[h].row_kept, want.heads[h].row_kept);
    }
  }

  model::Network const& network_;
  std::vector<Side> sides_;
  std::deque<PassResult> wanted_;  // of what is in flight
};

}  // namespace jetcal::test
