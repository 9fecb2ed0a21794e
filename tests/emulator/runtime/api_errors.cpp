// cudaGetLastError and its relatives, versions, and what happens at the end of the program.
#include "tests/emulator/counters.hpp"
#include "tests/emulator/memory/device_memory.hpp"
#include "tests/emulator/runtime/api.hpp"
#include "tests/emulator/settings.hpp"

#include <unistd.h>

#include <cstdio>

namespace emulator {

std::recursive_mutex& runtime_mutex() {
  static auto* mutex = new std::recursive_mutex;  // used until the very end of the process
  return *mutex;
}

int& last_error() {
  thread_local int error = kSuccess;
  return error;
}

void report_unsupported(std::string const& what) {
  Finding finding;
  finding.check = Check::unsupported;
  finding.what = what;
  Findings::all().add(finding);
}

namespace {

struct Named {
  int error;
  char const* name;
  char const* text;
};
constexpr Named kErrors[] = {
    {kSuccess, "cudaSuccess", "no error"},
    {kErrorInvalidValue, "cudaErrorInvalidValue", "invalid argument"},
    {kErrorMemoryAllocation, "cudaErrorMemoryAllocation", "out of memory"},
    {kErrorInvalidConfiguration, "cudaErrorInvalidConfiguration", "invalid configuration argument"},
    {kErrorInvalidSymbol, "cudaErrorInvalidSymbol", "invalid device symbol"},
    {kErrorInvalidDeviceFunction, "cudaErrorInvalidDeviceFunction", "invalid device function"},
    {kErrorInvalidDevice, "cudaErrorInvalidDevice", "invalid device ordinal"},
    {kErrorInvalidKernelImage, "cudaErrorInvalidKernelImage", "device kernel image is invalid"},
    {kErrorInvalidResourceHandle, "cudaErrorInvalidResourceHandle", "invalid resource handle"},
    {kErrorSymbolNotFound, "cudaErrorSymbolNotFound", "named symbol not found"},
    {kErrorNotReady, "cudaErrorNotReady", "device not ready"},
    {kErrorIllegalAddress, "cudaErrorIllegalAddress", "an illegal memory access was encountered"},
    {kErrorLaunchOutOfResources, "cudaErrorLaunchOutOfResources",
     "too many resources requested for launch"},
    {kErrorAssert, "cudaErrorAssert", "device-side assert triggered"},
    {kErrorHostMemoryAlreadyRegistered, "cudaErrorHostMemoryAlreadyRegistered",
     "part or all of the requested memory range is already mapped"},
    {kErrorHostMemoryNotRegistered, "cudaErrorHostMemoryNotRegistered",
     "pointer does not correspond to a registered memory region"},
    {kErrorMisalignedAddress, "cudaErrorMisalignedAddress", "misaligned address"},
    {kErrorLaunchFailure, "cudaErrorLaunchFailure", "unspecified launch failure"},
    {kErrorNotSupported, "cudaErrorNotSupported", "operation not supported"},
    {kErrorStreamCaptureUnsupported, "cudaErrorStreamCaptureUnsupported",
     "operation not permitted when stream is capturing"},
    {kErrorStreamCaptureInvalidated, "cudaErrorStreamCaptureInvalidated",
     "operation failed due to a previous error during capture"},
    {kErrorStreamCaptureUnmatched, "cudaErrorStreamCaptureUnmatched",
     "capture was not ended in the same stream as it began"},
    {kErrorStreamCaptureUnjoined, "cudaErrorStreamCaptureUnjoined",
     "capturing stream has unjoined work"},
    {kErrorStreamCaptureIsolation, "cudaErrorStreamCaptureIsolation",
     "dependency created on uncaptured work in another stream"},
    {kErrorStreamCaptureImplicit, "cudaErrorStreamCaptureImplicit",
     "operation would make the legacy stream depend on a capturing blocking stream"},
    {kErrorCapturedEvent, "cudaErrorCapturedEvent",
     "operation not permitted on an event last recorded in a capturing stream"},
};

Named const& named(int error) {
  static constexpr Named kOther = {kErrorUnknown, "cudaErrorUnknown", "unknown error"};
  for (Named const& entry : kErrors) {
    if (entry.error == error) { return entry; }
  }
  return kOther;
}

// The emulator is built for the instructions x86 processors have had since 2015.
__attribute__((constructor)) void at_begin() {
#ifdef __x86_64__
  if (__builtin_cpu_supports("avx2") == 0 || __builtin_cpu_supports("fma") == 0) {
    std::fputs("emulator: this processor has no AVX2 and FMA, which the emulator needs\n", stderr);
    _exit(97);
  }
#endif
}

// The last thing the process does: leaks, counters, and a status that tells of findings nobody
// took.
__attribute__((destructor)) void at_end() {
  if (std::string const leaks = DeviceMemory::get().leaks();
      !leaks.empty() && Findings::all().sticky_error() == 0) {
    Finding finding;
    finding.check = Check::leak;
    finding.what = leaks;
    Findings::all().add(finding);
  }
  Counters::all().write_file();
  if (Findings::all().sticky_error() != kSuccess) {
    std::fflush(nullptr);
    _exit(97);
  }
}

}  // namespace
}  // namespace emulator

using namespace emulator;

JETCAL_API int cudaGetLastError() {
  std::scoped_lock const lock(runtime_mutex());
  int const sticky = Findings::all().sticky_error(), error = last_error();
  last_error() = kSuccess;
  return sticky != kSuccess ? sticky : error;
}
JETCAL_API int cudaPeekAtLastError() {
  int const sticky = Findings::all().sticky_error();
  return sticky != kSuccess ? sticky : last_error();
}
JETCAL_API char const* cudaGetErrorName(int error) { return named(error).name; }
JETCAL_API char const* cudaGetErrorString(int error) { return named(error).text; }
JETCAL_API int cudaRuntimeGetVersion(int* version) {
  *version = 13000;
  return kSuccess;
}
JETCAL_API int cudaDriverGetVersion(int* version) {
  *version = 13000;
  return kSuccess;
}
JETCAL_API int cudaProfilerStart() { return kSuccess; }
JETCAL_API int cudaProfilerStop() { return kSuccess; }

// What tests on the emulator ask it (they look these names up, so that they run without it, too).
// The findings so far as text, which are forgotten; valid until the next call.
JETCAL_API char const* jetcal_emulator_take_findings() {
  static std::string text;
  std::scoped_lock const lock(runtime_mutex());
  if (Findings::all().sticky_error() != kSuccess) { Queue::get().abandon(); }
  text = Findings::all().take();
  last_error() = kSuccess;
  return text.c_str();
}
// Reports what was never freed, now and not at the end of the program, and frees it.
JETCAL_API void jetcal_emulator_check_leaks() {
  std::scoped_lock const lock(runtime_mutex());
  std::string const leaks = DeviceMemory::get().leaks();
  if (leaks.empty()) { return; }
  if (Findings::all().sticky_error() ==
      kSuccess) {  // after a finding the program could free nothing
    Finding finding;
    finding.check = Check::leak;
    finding.what = leaks;
    Findings::all().add(finding);
  }
  DeviceMemory::get().forgive_leaks();
}
// The counters so far as JSON; valid until the next call.
JETCAL_API char const* jetcal_emulator_counters() {
  static std::string text;
  std::scoped_lock const lock(runtime_mutex());
  text = Counters::all().json();
  return text.c_str();
}
// Changes a setting: SEED, THREADS, STEPS, LAUNCHES, QUIET as in the environment, INDEPENDENT (0 or
// 1).
// False: unknown.
JETCAL_API bool jetcal_emulator_set(char const* name, unsigned long long value) {
  std::scoped_lock const lock(runtime_mutex());
  std::string const which = name;
  Settings& s = settings();
  if (which == "SEED") {
    s.seed = value;
  } else if (which == "THREADS") {
    s.threads = static_cast<int>(value);
  } else if (which == "STEPS") {
    s.step_limit = value;
  } else if (which == "QUIET") {
    s.quiet = value != 0;
  } else if (which == "LAUNCHES") {
    s.launches = value != 0;
  } else if (which == "INDEPENDENT") {
    s.independent = value != 0;
  } else if (which == "APPROXIMATE") {
    s.approximate = value == 0 ? 0 : value == 1 ? -1 : 1;
  } else {
    return false;
  }
  return true;
}
JETCAL_API void jetcal_emulator_reset_counters() { Counters::all().reset(); }
