#include "kernels/execution.hpp"

#include <algorithm>
#include <cmath>

#include "engine/cuda_library.hpp"
#include "kernels/cuda_execution.hpp"

namespace jetcal {

std::unique_ptr<Execution> make_execution(ExecutionOptions const& options) {
  if (options.device.kind == Device::Kind::cpu) {
    JETCAL_REQUIRE(options.softmax_kernels == SoftmaxKernels::own, DeviceError,
                   "--softmax-kernels: " << name(options.softmax_kernels)
                                         << " computes on CUDA devices (device is cpu). Use own, "
                                            "or --device cuda:0");
    JETCAL_REQUIRE(options.precision != Precision::tf32, DeviceError,
                   "--precision: tf32 is not available on the CPU (must be fp32 or bf16). Use "
                   "--precision bf16, or --device cuda:0");
    return make_cpu_execution(options);
  }
  JETCAL_REQUIRE(options.dense_kernels != DenseKernels::onednn, DeviceError,
                 "--dense-kernels: onednn computes on the CPU (device is "
                     << options.device.name() << "). Use own, or --device cpu");
  auto& make =
      CudaLibrary::open().function<decltype(jetcal_cuda_execution)>("jetcal_cuda_execution");
  return std::unique_ptr<Execution>(make(options));
}

bool all_finite(PassResult const& result) {
  bool const losses = std::all_of(result.heads.begin(), result.heads.end(),
                                  [](HeadResult const& head) { return std::isfinite(head.loss); });
  return losses && result.norm.non_finite == 0 && std::isfinite(result.norm.sum_of_squares);
}

}  // namespace jetcal
