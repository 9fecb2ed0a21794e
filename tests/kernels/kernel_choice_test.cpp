#include "kernels/kernel_choice.hpp"

#include <cstdlib>

#include "engine/errors.hpp"
#include "kernels/cpu_backend.hpp"
#include "kernels/dense_onednn_bf16.hpp"
#include "tests/catch.hpp"
#include "tests/each_isa.hpp"
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

#if JETCAL_HAS_ONEDNN
/// The processor has AMX, or not, while this lives.
class WithAmx {
 public:
  explicit WithAmx(char const* answer) { setenv("JETCAL_AMX", answer, 1); }
  ~WithAmx() { unsetenv("JETCAL_AMX"); }
  WithAmx(WithAmx const&) = delete;
  WithAmx& operator=(WithAmx const&) = delete;
};

TEST_CASE("auto is oneDNN for bf16 with AMX and avx512, ours elsewhere", "[kernel_choice]") {
  with_each_isa([] {
    for (bool const amx : {false, true}) {
      CAPTURE(amx);
      WithAmx const with(amx ? "yes" : "no");
      bool const tiles = amx && active_isa() == Isa::avx512 && bf16::onednn::supported();
      CHECK(fastest_dense_kernels(Precision::fp32) == DenseKernels::own);
      CHECK(fastest_dense_kernels(Precision::bf16) ==
            (tiles ? DenseKernels::onednn : DenseKernels::own));
    }
  });
  WithAmx const with("maybe");
  CHECK(has(error_text<ConfigError>([] { bf16::onednn::has_tiles(); }),
            "JETCAL_AMX: 'maybe' is unknown (yes, no)"));
}
#endif

}  // namespace
}  // namespace jetcal::test
