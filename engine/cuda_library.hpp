#pragma once

#include <string>

#include "engine/device_memory.hpp"

/// What libjetcal_cuda.so exports beside kernels/cuda_execution.hpp. The program has no such
/// functions of its own: it asks CudaLibrary for them.
extern "C" {
/// Version and commit of the library's sources.
[[gnu::visibility("default")]] char const* jetcal_cuda_build();
/// How many CUDA devices there are. Errors: DeviceError if there is no driver or no card.
[[gnu::visibility("default")]] int jetcal_cuda_devices();
/// Device memory, for the life of the library. Errors: DeviceError for a device that is not there.
[[gnu::visibility("default")]] jetcal::DeviceMemory* jetcal_cuda_memory(int index);
}

namespace jetcal {

/// The CUDA half of jetcal, a shared library that is opened when a CUDA device is asked for: the
/// program itself needs neither CUDA's runtime nor its driver.
///
/// Found in  JETCAL_CUDA_LIBRARY (environment: the file), beside the program, in lib and in the
///           installation's library folder next to the program's, then where the system's loader
///           looks
class CudaLibrary {
 public:
  /// Errors: DeviceError that says what is missing and what to do; again at every call.
  static CudaLibrary& open();

  /// An exported function, as CudaLibrary::open().function<decltype(jetcal_cuda_devices)>("...").
  template <class Function>
  Function& function(char const* name) const {
    return *reinterpret_cast<Function*>(address(name));
  }

 private:
  explicit CudaLibrary(void* handle) : handle_(handle) {}
  void* address(char const* name) const;

  void* handle_;
};

/// "yes (2 devices)", or "no (" and why ")".
std::string cuda_summary();

}  // namespace jetcal
