// Question: what do the inner loops of the tensor-core kernels consist of?
//
//   loop_counters
//
// On the emulator of docs/emulator.md every kernel runs twice, the second time with more to sum up
// and all else equal: what that adds is its inner loop. Prints a JSON array: of each kernel the
// instructions its warps issue in the loop, and how many of them are `useful`: products, loads of
// their operands from shared memory, asynchronous copies.

#include <cstdio>
#include <nlohmann/json.hpp>

#include "engine/errors.hpp"
#include "kernels/dense_tensor.cuh"
#include "tests/cuda/stored_matrix.hpp"
#include "tests/emulator/emulator.hpp"

namespace jetcal::bench {
namespace {

using test::DeviceMatrix;
using test::StoredMatrix;
using test::stream;

enum class Op { forward, forward_linear, backward_data, backward_weights };

struct Shape {
  std::int64_t rows, inputs, outputs;
};

/// The counters of one launch.
template <class T>
nlohmann::json counters(Op op, Shape const& s) {
  StoredMatrix<T> x(s.rows, s.inputs, 0.5f), w(s.inputs, s.outputs, 0.25f);
  StoredMatrix<T> transposed(s.outputs, s.inputs, 0.25f), y(s.rows, s.outputs, 0.5f);
  DeviceMatrix dw(s.inputs, s.outputs, 0), db(1, s.outputs, 0);
  emulator_client::reset_counters();
  if (op == Op::backward_data) {
    cuda::dense_backward_data<T>(stream(), y.view(), w.view(), {x.view(), false, {}});
  } else if (op == Op::backward_weights) {
    cuda::dense_backward_weights<T>(stream(), x.view(), y.view(), Lanes(s.rows, 1),
                                    {dw.view().data, nullptr, 0}, false, dw.view(), db.view());
  } else {
    Activation const activation = op == Op::forward ? Activation::mish : Activation::none;
    cuda::dense_forward<T>(stream(), x.view(), transposed.view(), db.view().data, activation,
                           y.view(), {});
  }
  test::context().synchronize();
  return nlohmann::json::parse(emulator_client::counters()).at("launches").at(0);
}

std::int64_t useful(nlohmann::json const& kernel) {
  std::int64_t sum = 0;
  for (char const* const name : {"mma", "load_matrix", "load_shared", "copy_async"}) {
    auto const found = kernel.at("classes").find(name);
    if (found == kernel.at("classes").end()) { continue; }
    sum += found->at("warp_instructions").get<std::int64_t>();
  }
  return sum;
}

template <class T>
void add_loops(nlohmann::ordered_json& list) {
  struct {
    Op op;
    Shape less, more;
  } const kLoops[] = {{Op::forward, {128, 256, 128}, {128, 512, 128}},
                      {Op::forward_linear, {128, 256, 128}, {128, 512, 128}},
                      {Op::backward_data, {128, 128, 256}, {128, 128, 512}},
                      {Op::backward_weights, {256, 210, 210}, {512, 210, 210}}};
  for (auto const& loop : kLoops) {
    nlohmann::json const less = counters<T>(loop.op, loop.less);
    nlohmann::json const more = counters<T>(loop.op, loop.more);
    auto const all = [](nlohmann::json const& kernel) {
      return kernel.at("warp_instructions").get<std::int64_t>();
    };
    list.push_back({{"kernel", more.at("kernel")},
                    {"symbol", more.at("symbol")},
                    {"instructions", all(more) - all(less)},
                    {"useful", useful(more) - useful(less)}});
  }
}

}  // namespace
}  // namespace jetcal::bench

int main() {
  using namespace jetcal;
  try {
    JETCAL_REQUIRE(emulator_client::present(), DeviceError,
                   "loop_counters: this is not the emulator (counters exist there only). Set "
                   "LD_LIBRARY_PATH to tests/emulator/lib of the build folder");
    emulator_client::set("LAUNCHES", 1);
    auto list = nlohmann::ordered_json::array();
    bench::add_loops<cuda::Tf32>(list);
    bench::add_loops<cuda::Bf16>(list);
    std::string const findings = emulator_client::take_findings();
    JETCAL_REQUIRE(findings.empty(), DeviceError, "loop_counters: " << findings);
    std::printf("%s\n", list.dump().c_str());
    return 0;
  } catch (std::exception const& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
}
