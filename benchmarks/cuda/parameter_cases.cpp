// What works on the parameters: optimizers, the average of the weights, the sum over lanes, the
// norm. To the bits of the CPU's functions.

#include <memory>

#include "benchmarks/cuda/cases.hpp"
#include "kernels/average.hpp"
#include "kernels/optimizer_step.hpp"
#include "kernels/optimizers.cuh"
#include "kernels/reduce.cuh"
#include "tests/cuda/device_matrix.hpp"

namespace jetcal::bench {
namespace {

using test::Comparison;
using test::DeviceArray;
using test::DeviceNumbers;

constexpr std::int64_t kLanes = 8;

std::vector<float> numbers(std::int64_t n, std::string_view name) {
  return test::uniform(n, -1, 1, test::seed_of(name));
}

/// An optimizer's arenas. Every update starts from what the last one left.
struct Arenas {
  Arenas(OptimizerStep const& which, std::int64_t n)
      : step(which), p(numbers(n, "parameters")), g(numbers(n, "gradients")) {
    std::vector<float> const zeros(p.size());
    states.assign(optimizer_states(step).size(), zeros);
    on_p = std::make_unique<DeviceArray>(p);
    on_g = std::make_unique<DeviceArray>(g);
    for (auto const& state : states) { on_states.push_back(std::make_unique<DeviceArray>(state)); }
    std::visit([&](auto const& s) { test::context().start_upload(&s, constants.data(), sizeof s); },
               step);
    test::context().synchronize();
  }

  void enqueue() {
    auto const n = static_cast<std::int64_t>(p.size());
    auto const s = [&](std::size_t i) { return on_states[i]->data(); };
    float* const at = on_p->data();
    float const* const gradients = on_g->data();
    if (auto const* const radam = on_device<RadamStep>()) {
      cuda::radam_update(test::stream(), at, s(0), s(1), gradients, n, radam, refused.data());
    } else if (auto const* const diffgrad = on_device<DiffgradStep>()) {
      cuda::diffgrad_update(test::stream(), at, s(0), s(1), s(2), gradients, n, diffgrad,
                            refused.data());
    } else if (auto const* const adam = on_device<AdamStep>()) {
      cuda::adam_update(test::stream(), at, s(0), s(1), gradients, n, adam, refused.data());
    } else {
      cuda::sgd_update(test::stream(), at, s(0), gradients, n, on_device<SgdStep>(),
                       refused.data());
    }
    ++updates;
  }

  /// The constants on the device if they are a Step's.
  template <class Step>
  Step const* on_device() {
    bool const is = std::holds_alternative<Step>(step);
    return is ? reinterpret_cast<Step const*>(constants.data()) : nullptr;
  }

  Comparison check() {
    std::vector<float*> pointers;
    for (auto& state : states) { pointers.push_back(state.data()); }
    for (; updates > 0; --updates) {
      cpu::optimizer_update(step, p.data(), pointers, g.data(),
                            static_cast<std::int64_t>(p.size()));
    }
    return test::compare_bits(on_p->values(), p);
  }

  OptimizerStep step;
  std::vector<float> p, g;
  std::vector<std::vector<float>> states;
  std::unique_ptr<DeviceArray> on_p, on_g;
  std::vector<std::unique_ptr<DeviceArray>> on_states;
  DeviceNumbers<OptimizerStep> constants{1};
  DeviceNumbers<int> refused{1};
  int updates = 0;
};

NamedCase optimizer(std::string const& name, OptimizerStep const& step) {
  auto const make = [step](std::int64_t n) {
    auto const arenas = std::make_shared<Arenas>(step, n);
    auto const read_and_written = 1 + static_cast<double>(arenas->states.size());
    return Case{4.0 * static_cast<double>(n) * (2 * read_and_written + 1), 0, 0,
                [arenas] { arenas->enqueue(); }, [arenas] { return arenas->check(); }};
  };
  return {name + "_update/fp32/own", true, make};
}

Case average(std::int64_t n) {
  constexpr float kDecay = 0.999f;
  struct Data {
    std::vector<float> average, p;
    DeviceArray on_average, on_p, rate{{average_rate(kDecay)}};
    DeviceNumbers<int> refused{1};
    int updates = 0;
  };
  auto const a = numbers(n, "average"), p = numbers(n, "parameters");
  auto const data = std::make_shared<Data>(Data{a, p, DeviceArray(a), DeviceArray(p)});
  return {4.0 * static_cast<double>(n) * 3, 0, 0,
          [=] {
            cuda::average_update(test::stream(), data->on_average.data(), data->on_p.data(), n,
                                 data->rate.data(), data->refused.data());
            ++data->updates;
          },
          [=] {  // the average moves on
            for (; data->updates > 0; --data->updates) {
              cpu::average_update(data->average.data(), data->p.data(), n, kDecay);
            }
            return test::compare_bits(data->on_average.values(), data->average);
          }};
}

Case sum_lanes(std::int64_t n) {
  auto const first = std::make_shared<std::vector<float>>(numbers(n, "first lane"));
  auto const others = std::make_shared<std::vector<float>>(numbers((kLanes - 1) * n, "lanes"));
  auto const on_first = std::make_shared<DeviceArray>(*first);
  auto const on_others = std::make_shared<DeviceArray>(*others);
  auto const times = std::make_shared<int>(0);
  return {4.0 * static_cast<double>(n) * (kLanes + 1), 0, 0,
          [=] {
            cuda::sum_lanes(test::stream(), {on_first->data(), on_others->data(), n}, kLanes, 0, n);
            ++*times;
          },
          [=] {  // the sum is added to again
            std::vector<float*> lanes{first->data()};
            for (std::int64_t i = 0; i + 1 < kLanes; ++i) {
              lanes.push_back(others->data() + i * n);
            }
            for (; *times > 0; --*times) { cpu::sum_lanes(lanes.data(), kLanes, 0, n); }
            return test::compare_bits(on_first->values(), *first);
          }};
}

Case squared_norm(std::int64_t n) {
  auto const x = std::make_shared<std::vector<float>>(numbers(n, "gradients"));
  auto const on_x = std::make_shared<DeviceArray>(*x);
  auto const parts = std::make_shared<DeviceNumbers<NormResult>>(
      static_cast<std::size_t>((n + cpu::kNormChunk - 1) / cpu::kNormChunk));
  auto const total = std::make_shared<DeviceNumbers<NormResult>>(1);
  return {4.0 * static_cast<double>(n), 0, 0,
          [=] {
            cuda::clear_norm(test::stream(), total->data());
            cuda::add_squared_norm(test::stream(), on_x->data(), n, parts->data(), total->data());
          },
          [=] {
            double want = 0;
            for (float const v : *x) { want += static_cast<double>(v) * static_cast<double>(v); }
            std::vector<double> const got{total->values()[0].sum_of_squares};
            return test::compare(got, std::vector<double>{want}, {1e-12, 0});
          }};
}

}  // namespace

std::vector<NamedCase> parameter_cases() {
  return {optimizer("radam", radam_step(radam_options(RadamPreset::tfa), 7, 1e-3)),
          optimizer("diffgrad", diffgrad_step(diffgrad_options("keras"), 7, 1e-3)),
          optimizer("adam", adam_step({}, 7, 1e-3)),
          optimizer("sgd", sgd_step({0.9, 1e-4}, 1e-2)),
          {"average_update/fp32/own", true, average},
          {"sum_lanes/fp32/own", true, sum_lanes},
          {"squared_norm/fp32/own", true, squared_norm}};
}

}  // namespace jetcal::bench
