// What the tensor-core kernels ask of the machine, from the emulator's counters.
#include <nlohmann/json.hpp>

#include "kernels/dense_tensor.cuh"
#include "tests/catch.hpp"
#include "tests/cuda/stored_matrix.hpp"
#include "tests/emulator/emulator.hpp"

namespace jetcal::test {
namespace {

using cuda::Bf16;
using cuda::Tf32;

/// Instructions issued by warps.
struct Issued {
  std::int64_t all = 0, useful = 0, conflicts = 0;
};

/// Of everything launched since the last reset. Useful are products, loads of their operands from
/// shared memory and asynchronous copies.
Issued issued() {
  auto const counters = nlohmann::json::parse(emulator_client::counters());
  Issued sum;
  for (auto const& kernel : counters.at("kernels")) {
    sum.all += kernel.at("warp_instructions").get<std::int64_t>();
    sum.conflicts += kernel.at("bank_conflicts").get<std::int64_t>();
    for (char const* const name : {"mma", "load_matrix", "load_shared", "copy_async"}) {
      auto const& classes = kernel.at("classes");
      if (classes.contains(name)) {
        sum.useful += classes.at(name).at("warp_instructions").get<std::int64_t>();
      }
    }
  }
  return sum;
}

enum class Kernel { forward, backward_data, backward_weights };

template <class T>
Issued run(Kernel kernel, std::int64_t rows, std::int64_t inputs, std::int64_t outputs) {
  StoredMatrix<T> x(rows, inputs, 0.5f), w(inputs, outputs, 0.25f), turned(outputs, inputs, 0.25f);
  StoredMatrix<T> y(rows, outputs, 0.5f), slope(rows, outputs, 0.5f), slope_of_x(rows, inputs, 1);
  DeviceMatrix dw(inputs, outputs, 0), db(1, outputs, 0);
  Lanes const one_lane(rows, 1);
  emulator_client::reset_counters();
  switch (kernel) {
    case Kernel::forward:
      cuda::dense_forward(stream(), ConstMatOf<T>(x.view()), ConstMatOf<T>(turned.view()),
                          db.view().data, Activation::mish, y.view(), slope.view());
      break;
    case Kernel::backward_data:
      cuda::dense_backward_data<T>(stream(), y.view(), w.view(),
                                   {x.view(), true, slope_of_x.view()});
      break;
    case Kernel::backward_weights:
      cuda::dense_backward_weights(stream(), ConstMatOf<T>(x.view()), ConstMatOf<T>(y.view()),
                                   one_lane, {dw.view().data, nullptr, 0}, false, dw.view(),
                                   db.view());
      break;
  }
  context().synchronize();
  return issued();
}

TEMPLATE_TEST_CASE("cuda tensor dense never waits for a bank of shared memory",
                   "[cuda][dense][tensor][counters]", Tf32, Bf16) {
  if (!emulator_client::present()) { JETCAL_SKIP("the counters are the emulator's"); }
  for (auto const kernel : {Kernel::forward, Kernel::backward_data, Kernel::backward_weights}) {
    CAPTURE(static_cast<int>(kernel));
    Issued const found = run<TestType>(kernel, 150, 210, 75);
    CHECK(found.useful > 0);
    CHECK(found.conflicts == 0);
  }
}

TEMPLATE_TEST_CASE("cuda tensor dense spends most of its inner loops on products and operands",
                   "[cuda][dense][tensor][counters]", Tf32, Bf16) {
  if (!emulator_client::present()) { JETCAL_SKIP("the counters are the emulator's"); }
  // What a longer depth adds is the inner loop.
  struct {
    Kernel kernel;
    std::int64_t rows, inputs, outputs, more_rows, more_inputs, more_outputs;
  } const kLoops[] = {{Kernel::forward, 128, 256, 128, 0, 256, 0},
                      {Kernel::backward_data, 128, 128, 256, 0, 0, 256},
                      {Kernel::backward_weights, 256, 64, 64, 256, 0, 0},
                      {Kernel::backward_weights, 256, 210, 210, 256, 0, 0}};
  for (auto const& loop : kLoops) {
    Issued const less = run<TestType>(loop.kernel, loop.rows, loop.inputs, loop.outputs);
    Issued const more =
        run<TestType>(loop.kernel, loop.rows + loop.more_rows, loop.inputs + loop.more_inputs,
                      loop.outputs + loop.more_outputs);
    auto const useful = static_cast<double>(more.useful - less.useful);
    auto const all = static_cast<double>(more.all - less.all);
    CAPTURE(static_cast<int>(loop.kernel), loop.rows, useful, all);
    CHECK(useful > 0);
    CHECK(useful >= 0.6 * all);
  }
}

}  // namespace
}  // namespace jetcal::test
