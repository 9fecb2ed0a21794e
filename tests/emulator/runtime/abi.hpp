// The few numbers of the CUDA runtime's binary interface (version 13) that the emulator itself
// needs. tests/emulator/runtime_test.cu compares them with NVIDIA's headers.
#pragma once

#include <cstddef>
#include <cstdint>

namespace emulator {

enum Error : int {
  kSuccess = 0,
  kErrorInvalidValue = 1,
  kErrorMemoryAllocation = 2,
  kErrorInvalidConfiguration = 9,
  kErrorInvalidSymbol = 13,
  kErrorInvalidDeviceFunction = 98,
  kErrorInvalidDevice = 101,
  kErrorInvalidKernelImage = 200,
  kErrorInvalidResourceHandle = 400,
  kErrorSymbolNotFound = 500,
  kErrorNotReady = 600,
  kErrorIllegalAddress = 700,
  kErrorLaunchOutOfResources = 701,
  kErrorAssert = 710,
  kErrorHostMemoryAlreadyRegistered = 712,
  kErrorHostMemoryNotRegistered = 713,
  kErrorMisalignedAddress = 716,
  kErrorLaunchFailure = 719,
  kErrorNotSupported = 801,
  kErrorStreamCaptureUnsupported = 900,
  kErrorStreamCaptureInvalidated = 901,
  kErrorStreamCaptureUnmatched = 903,
  kErrorStreamCaptureUnjoined = 904,
  kErrorStreamCaptureIsolation = 905,
  kErrorStreamCaptureImplicit = 906,
  kErrorCapturedEvent = 907,
  kErrorUnknown = 999
};

enum CopyKind : int {
  kHostToHost = 0,
  kHostToDevice = 1,
  kDeviceToHost = 2,
  kDeviceToDevice = 3,
  kCopyDefault = 4
};

}  // namespace emulator
