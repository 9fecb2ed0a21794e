#include "kernels/cudnn_library.cuh"

#include "engine/errors.hpp"
#include "kernels/views.hpp"

#if JETCAL_HAS_CUDNN
#include <cudnn_ops.h>

#include <array>
#include <limits>

#include "kernels/vendor_library.hpp"
#endif

namespace jetcal::cuda {

#if JETCAL_HAS_CUDNN
namespace {

// What cuDNN calls a stored number.
template <class T>
constexpr cudnnDataType_t kType = CUDNN_DATA_FLOAT;
template <>
constexpr cudnnDataType_t kType<Bf16> = CUDNN_DATA_BFLOAT16;

}  // namespace

/// What is used of cuDNN, and its state.
struct Cudnn::Library {
  explicit Library(Context& context) : device(context.device()) {
    context.make_current();
    require(create(&handle), "its initialisation");
    require(set_stream(handle, context.stream()), "setting the stream");
    for (cudnnTensorDescriptor_t& shape : shapes) {
      require(create_shape(&shape), "making a description of a tensor");
    }
  }
  ~Library() {
    for (cudnnTensorDescriptor_t const shape : shapes) { static_cast<void>(destroy_shape(shape)); }
    static_cast<void>(destroy(handle));
  }
  Library(Library const&) = delete;
  Library& operator=(Library const&) = delete;

  void require(cudnnStatus_t status, std::string const& what) const {
    JETCAL_REQUIRE(status == CUDNN_STATUS_SUCCESS, DeviceError,
                   "device " << device.name() << ": cuDNN: " << what
                             << " failed: " << text_of(status) << ". Use --softmax-kernels own");
  }

  /// The description of a matrix, number `which`: images of one pixel and `cols` channels.
  template <class T>
  cudnnTensorDescriptor_t shape_of(std::size_t which, ConstMatOf<T> m) const {
    constexpr std::int64_t kMost = std::numeric_limits<int>::max();
    JETCAL_REQUIRE(m.rows <= kMost && m.ld <= kMost, ShapeError,
                   "cuDNN: a matrix of " << m.rows << " rows, " << m.ld
                                         << " numbers apart (at most " << kMost << ")");
    int const rows = static_cast<int>(m.rows), cols = static_cast<int>(m.cols);
    require(set_shape(shapes[which], kType<T>, rows, cols, 1, 1, static_cast<int>(m.ld), 1, 1, 1),
            "describing a matrix");
    return shapes[which];
  }

  template <class Function>
  Function* found(char const* name) const {
    return library.function<Function>(name);
  }

  VendorLibrary library{{"cuDNN", "libcudnn.so.9", "JETCAL_CUDNN_LIBRARY", "--softmax-kernels"}};
  decltype(cudnnCreate)* create = found<decltype(cudnnCreate)>("cudnnCreate");
  decltype(cudnnDestroy)* destroy = found<decltype(cudnnDestroy)>("cudnnDestroy");
  decltype(cudnnGetVersion)* get_version = found<decltype(cudnnGetVersion)>("cudnnGetVersion");
  decltype(cudnnGetErrorString)* text_of =
      found<decltype(cudnnGetErrorString)>("cudnnGetErrorString");
  decltype(cudnnSetStream)* set_stream = found<decltype(cudnnSetStream)>("cudnnSetStream");
  decltype(cudnnCreateTensorDescriptor)* create_shape =
      found<decltype(cudnnCreateTensorDescriptor)>("cudnnCreateTensorDescriptor");
  decltype(cudnnDestroyTensorDescriptor)* destroy_shape =
      found<decltype(cudnnDestroyTensorDescriptor)>("cudnnDestroyTensorDescriptor");
  decltype(cudnnSetTensor4dDescriptorEx)* set_shape =
      found<decltype(cudnnSetTensor4dDescriptorEx)>("cudnnSetTensor4dDescriptorEx");
  decltype(cudnnSoftmaxForward)* forward =
      found<decltype(cudnnSoftmaxForward)>("cudnnSoftmaxForward");
  decltype(cudnnSoftmaxBackward)* backward =
      found<decltype(cudnnSoftmaxBackward)>("cudnnSoftmaxBackward");
  Device device;
  cudnnHandle_t handle = nullptr;
  std::array<cudnnTensorDescriptor_t, 3> shapes{};
};

Cudnn::Cudnn(Context& context) : context_(context), library_(std::make_unique<Library>(context)) {}

int Cudnn::version() const { return static_cast<int>(library_->get_version()); }

template <class T>
void Cudnn::softmax_forward(ConstMatOf<T> logits, MatOf<T> share) const {
  require_view("cuDNN softmax", "logits", logits, share.rows, share.cols);
  require_view("cuDNN softmax", "softmax", share, share.rows, share.cols);
  if (share.rows == 0 || share.cols == 0) { return; }
  float const one = 1, none = 0;
  context_.make_current();
  library_->require(
      library_->forward(library_->handle, CUDNN_SOFTMAX_ACCURATE, CUDNN_SOFTMAX_MODE_INSTANCE, &one,
                        library_->shape_of(0, logits), logits.data, &none,
                        library_->shape_of<T>(1, share), share.data),
      "softmax");
}

template <class T>
void Cudnn::softmax_backward(ConstMatOf<T> share, ConstMatOf<T> t, float scale, bool accumulate,
                             MatOf<T> dlogits) const {
  char const* const where = "cuDNN softmax backward";
  require_view(where, "softmax", share, dlogits.rows, dlogits.cols);
  require_view(where, "gradient", t, dlogits.rows, dlogits.cols);
  require_view(where, "result", dlogits, dlogits.rows, dlogits.cols);
  if (dlogits.rows == 0 || dlogits.cols == 0) { return; }
  float const kept = accumulate ? 1 : 0;
  context_.make_current();
  library_->require(
      library_->backward(library_->handle, CUDNN_SOFTMAX_ACCURATE, CUDNN_SOFTMAX_MODE_INSTANCE,
                         &scale, library_->shape_of(0, share), share.data, library_->shape_of(1, t),
                         t.data, &kept, library_->shape_of<T>(2, dlogits), dlogits.data),
      "softmax backward");
}

#else

struct Cudnn::Library {};

Cudnn::Cudnn(Context& context) : context_(context) {
  throw DeviceError(
      "--softmax-kernels: this program was built without cuDNN (its header cudnn_ops.h was not "
      "there). Install it and build again, or use --softmax-kernels own");
}
// Never reached: there is no object.
int Cudnn::version() const { return 0; }
template <class T>
void Cudnn::softmax_forward(ConstMatOf<T>, MatOf<T>) const {}
template <class T>
void Cudnn::softmax_backward(ConstMatOf<T>, ConstMatOf<T>, float, bool, MatOf<T>) const {}

#endif

Cudnn::~Cudnn() = default;

template void Cudnn::softmax_forward(ConstMat, Mat) const;
template void Cudnn::softmax_forward(ConstMatOf<Tf32>, MatOf<Tf32>) const;
template void Cudnn::softmax_forward(ConstMatOf<Bf16>, MatOf<Bf16>) const;
template void Cudnn::softmax_backward(ConstMat, ConstMat, float, bool, Mat) const;
template void Cudnn::softmax_backward(ConstMatOf<Tf32>, ConstMatOf<Tf32>, float, bool,
                                      MatOf<Tf32>) const;
template void Cudnn::softmax_backward(ConstMatOf<Bf16>, ConstMatOf<Bf16>, float, bool,
                                      MatOf<Bf16>) const;

}  // namespace jetcal::cuda
