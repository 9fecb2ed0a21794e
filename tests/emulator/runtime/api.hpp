// What every function of the runtime API has in common: the mutex, the last error, the sticky
// error.
#pragma once

#include "tests/emulator/report.hpp"
#include "tests/emulator/runtime/abi.hpp"
#include "tests/emulator/runtime/queue.hpp"

#include <exception>
#include <mutex>

namespace emulator {

std::recursive_mutex& runtime_mutex();

/// The error cudaGetLastError returns next, of this thread.
int& last_error();

/// Reports something the emulator cannot do; the program's calls fail from then on.
void report_unsupported(std::string const& what);

/// Does what a call of the API does. After a finding every call returns its error; what f throws is
/// reported as unsupported.
template <class F>
int api(F f) {
  std::scoped_lock const lock(runtime_mutex());
  int error = Findings::all().sticky_error();
  if (error == kSuccess) {
    try {
      Queue::get().let_time_pass();
      error = f();
    } catch (std::exception const& exception) { report_unsupported(exception.what()); }
    if (int const sticky = Findings::all().sticky_error(); sticky != kSuccess) { error = sticky; }
  }
  if (error != kSuccess && error != kErrorNotReady) { last_error() = error; }
  return error;
}

/// The same for calls that wait for the device or give memory: they cannot be captured.
template <class F>
int uncapturable(F f) {
  return api([&]() -> int {
    return Queue::get().spoils_capture() ? kErrorStreamCaptureUnsupported : f();
  });
}

/// The same with the stream of a handle.
template <class F>
int on_stream(void* handle, F f) {
  return api([&]() -> int {
    Stream* const stream = Queue::get().stream(handle);
    return stream == nullptr ? kErrorInvalidResourceHandle : f(*stream);
  });
}

}  // namespace emulator

/// Declares a function of the runtime's interface.
#define JETCAL_API extern "C" __attribute__((visibility("default")))
