#include "kernels/cublas_library.cuh"

#include "engine/errors.hpp"

#if JETCAL_HAS_CUBLAS
#include <cublas_v2.h>

#include "kernels/vendor_library.hpp"
#endif

namespace jetcal::cuda {

#if JETCAL_HAS_CUBLAS
namespace {

// What cuBLAS calls a stored number, and how it multiplies it.
template <class T>
constexpr cudaDataType kType = CUDA_R_32F;
template <>
constexpr cudaDataType kType<Bf16> = CUDA_R_16BF;
template <class T>
constexpr cublasComputeType_t kCompute = CUBLAS_COMPUTE_32F;
template <>
constexpr cublasComputeType_t kCompute<Tf32> = CUBLAS_COMPUTE_32F_FAST_TF32;

}  // namespace

/// What is used of cuBLAS, and its state.
struct Cublas::Library {
  explicit Library(Context& context) : workspace(context, kWorkspaceFloats) {
    context.make_current();
    require(create(&handle), "its initialisation");
    require(set_stream(handle, context.stream()), "setting the stream");
    require(set_workspace(handle, workspace.data(), kWorkspaceFloats * sizeof(float)),
            "setting the workspace");
    // Parts of a bf16 product that are summed apart would meet in bf16 otherwise.
    require(set_math_mode(handle, CUBLAS_MATH_DISALLOW_REDUCED_PRECISION_REDUCTION),
            "setting the way of sums");
  }
  ~Library() { static_cast<void>(destroy(handle)); }
  Library(Library const&) = delete;
  Library& operator=(Library const&) = delete;

  void require(cublasStatus_t status, std::string const& what) const {
    JETCAL_REQUIRE(status == CUBLAS_STATUS_SUCCESS, DeviceError,
                   "device " << workspace.device().name() << ": cuBLAS: " << what
                             << " failed: " << text_of(status) << ". Use --dense-kernels own");
  }

  template <class Function>
  Function* found(char const* name) const {
    return library.function<Function>(name);
  }

  // What NVIDIA recommends for its largest cards.
  static constexpr std::int64_t kWorkspaceFloats = std::int64_t{8} << 20;

  VendorLibrary library{{"cuBLAS", "libcublas.so.13", "JETCAL_CUBLAS_LIBRARY", "--dense-kernels"}};
  decltype(cublasCreate_v2)* create = found<decltype(cublasCreate_v2)>("cublasCreate_v2");
  decltype(cublasDestroy_v2)* destroy = found<decltype(cublasDestroy_v2)>("cublasDestroy_v2");
  decltype(cublasGetVersion_v2)* get_version =
      found<decltype(cublasGetVersion_v2)>("cublasGetVersion_v2");
  decltype(cublasGetStatusString)* text_of =
      found<decltype(cublasGetStatusString)>("cublasGetStatusString");
  decltype(cublasSetStream_v2)* set_stream =
      found<decltype(cublasSetStream_v2)>("cublasSetStream_v2");
  decltype(cublasSetWorkspace_v2)* set_workspace =
      found<decltype(cublasSetWorkspace_v2)>("cublasSetWorkspace_v2");
  decltype(cublasSetMathMode)* set_math_mode =
      found<decltype(cublasSetMathMode)>("cublasSetMathMode");
  decltype(cublasGemmStridedBatchedEx_64)* multiply =
      found<decltype(cublasGemmStridedBatchedEx_64)>("cublasGemmStridedBatchedEx_64");
  Buffer workspace;
  cublasHandle_t handle = nullptr;
};

Cublas::Cublas(Context& context)
    : context_(context), library_(std::make_unique<Library>(context)) {}

int Cublas::version() const {
  int number = 0;
  library_->require(library_->get_version(library_->handle, &number), "asking for its version");
  return number;
}

std::int64_t Cublas::workspace_bytes() const {
  return library_->workspace.size() * static_cast<std::int64_t>(sizeof(float));
}

// cuBLAS counts columns first: it is given every matrix as its transpose, out^T = b^T a^T.
template <class T, class Out>
void Cublas::multiply(Factor<T> const& a, Factor<T> const& b, bool accumulate, MatOf<Out> out,
                      ProductBatch const& batch) const {
  char const* const where = "cuBLAS";
  require_shape(where, "result", out, a.rows(), b.cols());
  JETCAL_REQUIRE(a.cols() == b.rows(), ShapeError,
                 where << ": factors are [" << a.rows() << ", " << a.cols() << "] and [" << b.rows()
                       << ", " << b.cols() << "] (the inner sizes must match)");
  auto const turned = [](Factor<T> const& f) { return f.transposed ? CUBLAS_OP_T : CUBLAS_OP_N; };
  float const one = 1, kept = accumulate ? 1 : 0;
  context_.make_current();
  cublasStatus_t const status =
      library_->multiply(library_->handle, turned(b), turned(a), out.cols, out.rows, a.cols(), &one,
                         b.matrix.data, kType<T>, b.matrix.ld, batch.b_stride, a.matrix.data,
                         kType<T>, a.matrix.ld, batch.a_stride, &kept, out.data, kType<Out>, out.ld,
                         batch.out_stride, batch.count, kCompute<T>, CUBLAS_GEMM_DEFAULT);
  std::ostringstream what;
  what << batch.count << " products [" << a.rows() << ", " << a.cols() << "] x [" << b.rows()
       << ", " << b.cols() << "]";
  library_->require(status, what.str());
}

#else

struct Cublas::Library {};

Cublas::Cublas(Context& context) : context_(context) {
  throw DeviceError(
      "--dense-kernels: this program was built without cuBLAS (its header cublas_v2.h was not "
      "there). Install it and build again, or use --dense-kernels own");
}
// Never reached: there is no object.
int Cublas::version() const { return 0; }
std::int64_t Cublas::workspace_bytes() const { return 0; }
template <class T, class Out>
void Cublas::multiply(Factor<T> const&, Factor<T> const&, bool, MatOf<Out>,
                      ProductBatch const&) const {}

#endif

Cublas::~Cublas() = default;

template void Cublas::multiply(Factor<float> const&, Factor<float> const&, bool, Mat,
                               ProductBatch const&) const;
template void Cublas::multiply(Factor<Tf32> const&, Factor<Tf32> const&, bool, MatOf<Tf32>,
                               ProductBatch const&) const;
template void Cublas::multiply(Factor<Tf32> const&, Factor<Tf32> const&, bool, Mat,
                               ProductBatch const&) const;
template void Cublas::multiply(Factor<Bf16> const&, Factor<Bf16> const&, bool, MatOf<Bf16>,
                               ProductBatch const&) const;
template void Cublas::multiply(Factor<Bf16> const&, Factor<Bf16> const&, bool, Mat,
                               ProductBatch const&) const;

}  // namespace jetcal::cuda
