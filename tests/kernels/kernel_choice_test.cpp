#include "kernels/kernel_choice.hpp"

#include "engine/errors.hpp"
#include "tests/catch.hpp"
#include "tests/error_text.hpp"

namespace jetcal::test {
namespace {

TEST_CASE("kernels have the names of their options", "[kernel_choice]") {
  for (char const* const word : {"own", "onednn", "cublas", "auto"}) {
    CHECK(name(parse_dense_kernels(word)) == word);
  }
  for (char const* const word : {"own", "cudnn", "auto"}) {
    CHECK(name(parse_softmax_kernels(word)) == word);
  }
  CHECK(has(error_text<ConfigError>([] { parse_dense_kernels("cudnn"); }),
            "--dense-kernels: 'cudnn' is unknown (own, onednn, cublas, auto)"));
  CHECK(has(error_text<ConfigError>([] { parse_softmax_kernels("cublas"); }),
            "--softmax-kernels: 'cublas' is unknown (own, cudnn, auto)"));
}

TEST_CASE("shapes of about as many rows make one choice", "[kernel_choice]") {
  auto const rows = [](std::int64_t n) {
    return KernelShape::of(KernelOp::dense_forward, n, 21, 40).rows;
  };
  CHECK((rows(1) == 1 && rows(2) == 2 && rows(3) == 4 && rows(4) == 4 && rows(5) == 8));
  CHECK((rows(15'000) == 16'384 && rows(16'384) == 16'384 && rows(16'385) == 32'768));
  CHECK((rows(32'769) == 32'768 && rows(155'000) == 32'768));
  KernelShape const forward = KernelShape::of(KernelOp::dense_forward, 1000, 21, 40);
  CHECK(text(forward) == "dense_forward, 1024 rows, 21 to 40 columns");
  CHECK(text(KernelShape::of(KernelOp::softmax_gate, 1, 250, 250)) ==
        "softmax_gate, 1 rows, 250 to 250 columns");
  CHECK(KernelShape::of(KernelOp::dense_backward_data, 1000, 21, 40) != forward);
  CHECK(KernelShape::of(KernelOp::dense_forward, 1000, 40, 21) != forward);
  CHECK(KernelShape::of(KernelOp::dense_forward, 513, 21, 40) == forward);
}

}  // namespace
}  // namespace jetcal::test
