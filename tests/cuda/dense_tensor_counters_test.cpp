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

/// Of everything launched since the last reset.
struct Counted {
  std::int64_t products = 0, conflicts = 0;
};

Counted counted() {
  auto const counters = nlohmann::json::parse(emulator_client::counters());
  Counted sum;
  for (auto const& kernel : counters.at("kernels")) {
    sum.products += kernel.at("classes").at("mma").at("warp_instructions").get<std::int64_t>();
    sum.conflicts += kernel.at("bank_conflicts").get<std::int64_t>();
  }
  return sum;
}

enum class Kernel { forward, backward_data, backward_weights };

template <class T>
Counted run(Kernel kernel, std::int64_t rows, std::int64_t inputs, std::int64_t outputs) {
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
  return counted();
}

TEMPLATE_TEST_CASE("cuda tensor dense never waits for a bank of shared memory",
                   "[cuda][dense][tensor][counters]", Tf32, Bf16) {
  if (!emulator_client::present()) { JETCAL_SKIP("the counters are the emulator's"); }
  for (auto const kernel : {Kernel::forward, Kernel::backward_data, Kernel::backward_weights}) {
    CAPTURE(static_cast<int>(kernel));
    Counted const found = run<TestType>(kernel, 150, 210, 75);
    CHECK(found.products > 0);
    CHECK(found.conflicts == 0);
  }
}

}  // namespace
}  // namespace jetcal::test
