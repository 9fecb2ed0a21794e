#include "kernels/optimizers.cuh"

#include <functional>

#include "kernels/average.hpp"
#include "tests/catch.hpp"
#include "tests/cuda/device_matrix.hpp"

namespace jetcal::test {
namespace {

constexpr std::int64_t kSizes[] = {0, 1, 31, 33, 255, 256, 257, 1000};

/// One update on p, three arrays of state and the gradient.
using Update = std::function<void(float* p, float* s0, float* s1, float* s2, float const* g,
                                  std::int64_t n, std::int64_t t)>;

/// The constants of an update and whether it is refused, on the device.
template <class Step>
struct OnDevice {
  explicit OnDevice(Step const& constants, int refuse = 0) : step(1), refused(1) {
    context().start_upload(&constants, step.data(), sizeof constants);
    context().start_upload(&refuse, refused.data(), sizeof refuse);
    context().synchronize();
  }
  DeviceNumbers<Step> step;
  DeviceNumbers<int> refused;
};

/// Ordinary gradients, tiny ones, none, and one that is not finite.
std::vector<float> gradients(std::int64_t n, std::int64_t t) {
  std::vector<float> g = uniform(n, -1, 1, seed_of("gradients", 1000 * n + t));
  for (std::size_t i = 0; i < g.size(); ++i) {
    if (i % 5 == 1) { g[i] *= 1e-22f; }
    if (i % 5 == 2) { g[i] = 0; }
    if (i == 7 && t == 5) { g[i] = INFINITY; }
  }
  return g;
}

/// Six updates of the CPU and of the device, everything compared to the bit after each.
void check_updates(Update const& on_cpu, Update const& on_device) {
  for (std::int64_t const n : kSizes) {
    auto const size = static_cast<std::size_t>(n);
    std::vector<float> p = uniform(n, -1, 1, seed_of("parameters", n));
    std::vector<float> state[3];
    for (auto& s : state) {
      s.reserve(1);  // memory behind it when there is no parameter too
      s.assign(size, 0.0f);
    }
    DeviceArray dp(p),
        ds[3] = {DeviceArray(state[0]), DeviceArray(state[1]), DeviceArray(state[2])};
    for (std::int64_t t = 1; t <= 6; ++t) {
      CAPTURE(n, t);
      std::vector<float> const g = gradients(n, t);
      DeviceArray dg(g);
      on_cpu(p.data(), state[0].data(), state[1].data(), state[2].data(), g.data(), n, t);
      on_device(dp.data(), ds[0].data(), ds[1].data(), ds[2].data(), dg.data(), n, t);
      CHECK_SAME_BITS(dp.values(), p);
      for (int i = 0; i < 3; ++i) { CHECK_SAME_BITS(ds[i].values(), state[i]); }
      CHECK_SAME_BITS(dg.values(), g);
      CHECK((dp.well_kept() && ds[0].well_kept() && ds[1].well_kept() && ds[2].well_kept()));
    }
  }
}

TEST_CASE("cuda RAdam has the CPU's bits in every preset", "[cuda][optimizer]") {
  for (char const* preset : {"tfa", "torch", "author", "paper"}) {
    RadamOptions options = radam_options(preset);
    if (options.preset != RadamPreset::paper) { options.weight_decay = 0.01; }
    options.betas.second = 0.9;  // the rectification sets in within six updates
    check_updates(
        [&](float* p, float* m, float* v, float*, float const* g, std::int64_t n, std::int64_t t) {
          cpu::radam_update(p, m, v, g, n, radam_step(options, t, 1e-2));
        },
        [&](float* p, float* m, float* v, float*, float const* g, std::int64_t n, std::int64_t t) {
          OnDevice on(radam_step(options, t, 1e-2));
          cuda::radam_update(stream(), p, m, v, g, n, on.step.data(), on.refused.data());
        });
  }
}

TEST_CASE("cuda diffGrad has the CPU's bits", "[cuda][optimizer]") {
  DiffgradOptions options = diffgrad_options("keras");
  options.weight_decay = 0.01;
  check_updates(
      [&](float* p, float* m, float* v, float* b, float const* g, std::int64_t n, std::int64_t t) {
        cpu::diffgrad_update(p, m, v, b, g, n, diffgrad_step(options, t, 1e-2));
      },
      [&](float* p, float* m, float* v, float* b, float const* g, std::int64_t n, std::int64_t t) {
        OnDevice on(diffgrad_step(options, t, 1e-2));
        cuda::diffgrad_update(stream(), p, m, v, b, g, n, on.step.data(), on.refused.data());
      });
}

TEST_CASE("cuda Adam has the CPU's bits", "[cuda][optimizer]") {
  AdamOptions options;
  options.weight_decay = 0.01;
  check_updates(
      [&](float* p, float* m, float* v, float*, float const* g, std::int64_t n, std::int64_t t) {
        cpu::adam_update(p, m, v, g, n, adam_step(options, t, 1e-2));
      },
      [&](float* p, float* m, float* v, float*, float const* g, std::int64_t n, std::int64_t t) {
        OnDevice on(adam_step(options, t, 1e-2));
        cuda::adam_update(stream(), p, m, v, g, n, on.step.data(), on.refused.data());
      });
}

TEST_CASE("cuda SGD has the CPU's bits", "[cuda][optimizer]") {
  for (double const momentum : {0.0, 0.9}) {
    SgdStep const step = sgd_step({momentum, 0.01}, 1e-2);
    check_updates(
        [&](float* p, float* v, float*, float*, float const* g, std::int64_t n, std::int64_t) {
          cpu::sgd_update(p, v, g, n, step);
        },
        [&](float* p, float* v, float*, float*, float const* g, std::int64_t n, std::int64_t) {
          OnDevice on(step);
          cuda::sgd_update(stream(), p, v, g, n, on.step.data(), on.refused.data());
        });
  }
}

TEST_CASE("cuda averages have the CPU's bits", "[cuda][optimizer]") {
  for (float const decay : {0.0f, 0.9f, 0.999f, 1.0f}) {
    check_updates(
        [&](float* p, float*, float*, float*, float const* g, std::int64_t n, std::int64_t) {
          cpu::average_update(p, g, n, decay);
        },
        [&](float* p, float*, float*, float*, float const* g, std::int64_t n, std::int64_t) {
          OnDevice on(average_rate(decay));
          cuda::average_update(stream(), p, g, n, on.step.data(), on.refused.data());
        });
  }
  for (float const decay : {-0.1f, 1.1f, std::nanf("")}) {
    CHECK_THROWS_AS(average_rate(decay), ConfigError);
  }
}

/// Runs `update` refused on arrays of `n` numbers: none of them changes.
template <class Step, class Run>
void check_refused(Step const& step, Run const& run) {
  std::int64_t const n = 300;
  OnDevice on(step, 1);
  std::vector<float> const values = uniform(n, -1, 1, seed_of("refused"));
  DeviceArray arrays[] = {DeviceArray(values), DeviceArray(values), DeviceArray(values),
                          DeviceArray(values)};
  DeviceArray g(uniform(n, -1, 1, seed_of("gradient")));
  run(arrays, g.data(), n, on.step.data(), on.refused.data());
  for (DeviceArray const& array : arrays) { CHECK_SAME_BITS(array.values(), values); }
}

TEST_CASE("cuda changes nothing when an update is refused", "[cuda][optimizer]") {
  check_refused(
      radam_step(radam_options("tfa"), 9, 1e-2),
      [](DeviceArray* a, float const* g, std::int64_t n, auto const* step, int const* refused) {
        cuda::radam_update(stream(), a[0].data(), a[1].data(), a[2].data(), g, n, step, refused);
      });
  check_refused(diffgrad_step({}, 9, 1e-2), [](DeviceArray* a, float const* g, std::int64_t n,
                                               auto const* step, int const* refused) {
    cuda::diffgrad_update(stream(), a[0].data(), a[1].data(), a[2].data(), a[3].data(), g, n, step,
                          refused);
  });
  check_refused(adam_step({}, 9, 1e-2), [](DeviceArray* a, float const* g, std::int64_t n,
                                           auto const* step, int const* refused) {
    cuda::adam_update(stream(), a[0].data(), a[1].data(), a[2].data(), g, n, step, refused);
  });
  check_refused(sgd_step({0.9, 0}, 1e-2), [](DeviceArray* a, float const* g, std::int64_t n,
                                             auto const* step, int const* refused) {
    cuda::sgd_update(stream(), a[0].data(), a[1].data(), g, n, step, refused);
  });
  check_refused(average_rate(0.5f), [](DeviceArray* a, float const* g, std::int64_t n,
                                       auto const* step, int const* refused) {
    cuda::average_update(stream(), a[0].data(), g, n, step, refused);
  });
}

}  // namespace
}  // namespace jetcal::test
