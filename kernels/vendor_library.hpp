#pragma once

namespace jetcal::cuda {

/// One of NVIDIA's libraries beside the CUDA runtime, opened at run time when its kernels are asked
/// for: neither the program nor libjetcal_cuda.so is linked with it. Stays open.
///
/// Found in  the file `variable` names in the environment; else `file`, where the system's loader
///           looks
class VendorLibrary {
 public:
  struct Names {
    char const* library;   ///< "cuBLAS"
    char const* file;      ///< "libcublas.so.13"
    char const* variable;  ///< "JETCAL_CUBLAS_LIBRARY"
    char const* option;    ///< "--dense-kernels": what to set to `own` to do without
  };

  /// Errors: DeviceError that says why it does not open and what to do.
  explicit VendorLibrary(Names const& names);

  /// A function of the library, as function<decltype(cublasCreate_v2)>("cublasCreate_v2"). Errors:
  /// DeviceError if it has none of that name.
  template <class Function>
  Function* function(char const* name) const {
    return reinterpret_cast<Function*>(address(name));
  }

 private:
  void* address(char const* name) const;

  Names names_;
  void* handle_ = nullptr;
};

}  // namespace jetcal::cuda
