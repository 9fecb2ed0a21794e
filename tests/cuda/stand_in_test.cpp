// The emulator's stand-ins for cuBLAS and cuDNN see what is wrong with what they are given. On a
// real device there is nothing to see.
#include "kernels/cublas_library.cuh"
#include "kernels/cudnn_library.cuh"
#include "tests/catch.hpp"
#include "tests/cuda/device_matrix.hpp"
#include "tests/emulator/emulator.hpp"
#include "tests/error_text.hpp"

namespace jetcal::test {
namespace {

/// Device memory nobody has written.
class Unwritten {
 public:
  explicit Unwritten(std::size_t floats) {
    REQUIRE(cudaMalloc(reinterpret_cast<void**>(&data_), floats * sizeof(float)) == cudaSuccess);
  }
  ~Unwritten() { static_cast<void>(cudaFree(data_)); }
  Unwritten(Unwritten const&) = delete;
  Unwritten& operator=(Unwritten const&) = delete;
  float* data() { return data_; }

 private:
  float* data_ = nullptr;
};

/// What the emulator finds when `f` has run and everything enqueued is done.
template <class F>
std::string findings(F f) {
  emulator_client::set("QUIET", 1);
  f();
  static_cast<void>(cudaStreamSynchronize(stream()));
  std::string found = emulator_client::take_findings();
  emulator_client::set("QUIET", 0);
  return found;
}

void multiply(cuda::Cublas const& cublas, Mat a, Mat b, bool accumulate, Mat out,
              cuda::ProductBatch const& batch = {}) {
  cublas.multiply(cuda::Factor<float>{a}, cuda::Factor<float>{b}, accumulate, out, batch);
}

TEST_CASE("the stand-in for cuBLAS sees matrices that are not there", "[cuda][emulator]") {
  if (!emulator_client::present()) { JETCAL_SKIP("this is about the emulator"); }
  cuda::Cublas const cublas(context());
  DeviceMatrix a(5, 6, 1), b(6, 7, 1), out(5, 7, 0);
  auto const product = [&](Mat x, Mat y, Mat z, bool accumulate = false) {
    return findings([&] { multiply(cublas, x, y, accumulate, z); });
  };
  CHECK(product(a.view(), b.view(), out.view()).empty());
  Unwritten nothing(5 * 16);
  Mat const unwritten{nothing.data(), 5, 6, 16}, unwritten_out{nothing.data(), 5, 7, 16};
  CHECK(has(product(unwritten, b.view(), out.view()), "uninitialised"));
  CHECK(has(product(a.view(), b.view(), unwritten_out, true), "uninitialised"));
  CHECK(product(a.view(), b.view(), unwritten_out).empty());  // overwrites
  CHECK(has(product({a.view().data, 500, 6, 16}, b.view(), {out.view().data, 500, 7, 16}),
            "out of bounds"));
  float* const odd = reinterpret_cast<float*>(reinterpret_cast<char*>(a.view().data) + 2);
  CHECK(has(product({odd, 5, 6, 16}, b.view(), out.view()), "misaligned"));
  std::vector<float> host(5 * 16, 1);
  CHECK(has(product({host.data(), 5, 6, 16}, b.view(), out.view()), "out of bounds"));
  std::string const freed = findings([&] {
    auto gone = std::make_unique<DeviceMatrix>(5, 6, 1.0f);
    Mat const view = gone->view();
    gone.reset();
    multiply(cublas, view, b.view(), false, out.view());
  });
  CHECK(has(freed, "use after free"));
}

TEST_CASE("the stand-in for cuBLAS refuses leading dimensions and strides that overlap",
          "[cuda][emulator]") {
  if (!emulator_client::present()) { JETCAL_SKIP("this is about the emulator"); }
  cuda::Cublas const cublas(context());
  DeviceMatrix a(5, 6, 1), b(6, 7, 1), out(5, 7, 0);
  auto const refusal = [&](Mat x, cuda::ProductBatch const& batch) {
    return error_text<DeviceError>(
        [&] { multiply(cublas, x, b.view(), false, out.view(), batch); });
  };
  CHECK(has(refusal({a.view().data, 5, 6, 5}, {}), "cuBLAS: 1 products [5, 6] x [6, 7] failed"));
  CHECK(has(refusal(a.view(), {2, 0, 0, 16}), "cuBLAS: 2 products"));
}

TEST_CASE("the stand-in for cuDNN sees matrices that are not there", "[cuda][emulator]") {
  if (!emulator_client::present()) { JETCAL_SKIP("this is about the emulator"); }
  cuda::Cudnn const cudnn(context());
  DeviceMatrix a(5, 6, 1), out(5, 6, 0);
  Unwritten nothing(5 * 16);
  Mat const unwritten{nothing.data(), 5, 6, 16};
  CHECK(findings([&] { cudnn.softmax_forward<float>(a.view(), out.view()); }).empty());
  CHECK(
      has(findings([&] { cudnn.softmax_forward<float>(unwritten, out.view()); }), "uninitialised"));
  CHECK(has(
      findings([&] {
        cudnn.softmax_forward<float>({a.view().data, 500, 6, 16}, {out.view().data, 500, 6, 16});
      }),
      "out of bounds"));
  CHECK(has(
      findings([&] { cudnn.softmax_backward<float>(out.view(), unwritten, 1, false, a.view()); }),
      "uninitialised"));
}

}  // namespace
}  // namespace jetcal::test
