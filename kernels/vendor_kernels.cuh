#pragma once

#include <map>

#include "kernels/cublas_library.cuh"
#include "kernels/cudnn_library.cuh"
#include "kernels/kernel_choice.hpp"

namespace jetcal::cuda {

/// Which of NVIDIA's kernels the ops of a pass run with in place of ours.
struct VendorKernels {
  Cublas const* cublas = nullptr;  ///< none: our products
  Cudnn const* cudnn = nullptr;    ///< none: our softmax
  /// For which shapes theirs are wanted; for those not in here, always.
  std::map<KernelShape, bool> const* wanted = nullptr;

  /// cuBLAS if this product shall run with it, else null.
  Cublas const* cublas_for(KernelShape const& shape) const {
    return is_wanted(shape) ? cublas : nullptr;
  }
  /// cuDNN if this softmax shall run with it, else null.
  Cudnn const* cudnn_for(KernelShape const& shape) const {
    return is_wanted(shape) ? cudnn : nullptr;
  }

 private:
  bool is_wanted(KernelShape const& shape) const {
    if (wanted == nullptr) { return true; }
    auto const found = wanted->find(shape);
    return found == wanted->end() || found->second;
  }
};

}  // namespace jetcal::cuda
