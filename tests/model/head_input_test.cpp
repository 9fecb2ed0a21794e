// A head that reads what comes from outside, whose rows need not be padded.

#include <cstring>
#include <vector>

#include "kernels/execution.hpp"
#include "model/layers.hpp"
#include "tests/catch.hpp"
#include "tests/check_close.hpp"

namespace jetcal::model {
namespace {

constexpr std::int64_t kRows = 300, kInputs = 5;

/// The gradient of a head's weights and bias whose input's rows are `stride` floats apart.
std::vector<float> gradient(std::int64_t stride) {
  std::vector<float> const values = test::uniform(kRows * kInputs, -1, 1, test::seed_of("head"));
  std::vector<float> x(static_cast<std::size_t>(kRows * stride), 7.0f);
  for (std::int64_t r = 0; r < kRows; ++r) {
    std::memcpy(x.data() + r * stride, values.data() + r * kInputs, kInputs * sizeof(float));
  }
  std::vector<float> const targets = test::uniform(kRows, 0.8f, 1.2f, test::seed_of("targets"));
  std::vector<float> const weights(kRows, 1.0f);

  Layout layout;
  Layer const layer = add_layer(layout, "head", kInputs, 3);
  Tape tape(layout);
  Id const features = tape.input(kInputs), target = tape.input(1), weight = tape.input(1);
  record_head(tape, features, layer, LossConfig{}, {target, weight, 0, 0});
  tape.finish(true);
  Buffer parameters({}, layout.size());
  std::vector<float> const start =
      test::uniform(layout.size(), -0.1f, 0.1f, test::seed_of("parameters"));
  parameters.upload(start);
  auto const execution = make_execution({});
  HostBatch const batch{
      {x.data(), kRows, kInputs, stride}, {targets.data(), kRows, 1, 1}, weights.data()};
  execution->train(tape, batch, {{Divisor::all}}, parameters);
  return execution->gradients().download();
}

TEST_CASE("a head's gradient does not depend on the padding of its input's rows", "[head]") {
  std::vector<float> const padded_rows = gradient(16);
  CHECK(padded_rows[0] != 0);
  for (std::int64_t const stride : {kInputs, kInputs + 2}) {
    std::vector<float> const rows = gradient(stride);
    REQUIRE(rows.size() == padded_rows.size());
    CHECK(std::memcmp(rows.data(), padded_rows.data(), rows.size() * sizeof(float)) == 0);
  }
}

}  // namespace
}  // namespace jetcal::model
