// For tests that run on the emulator: what it has found, and its counters. On a real device there
// is nothing to ask, and everything reads empty.
#pragma once

#include <dlfcn.h>

#include <string>

namespace emulator_client {

/// The runtime may have come with a library that the program has opened.
template <class Function>
Function* look_up(char const* name) {
  void* const runtime = dlopen("libcudart.so.13", RTLD_LAZY | RTLD_NOLOAD);
  if (runtime == nullptr) { return nullptr; }
  auto* const function = reinterpret_cast<Function*>(dlsym(runtime, name));
  dlclose(runtime);
  return function;
}

/// Whether the program runs on the emulator.
inline bool present() { return look_up<void()>("jetcal_emulator_reset_counters") != nullptr; }

/// The findings since the last call, one a line. The emulator forgets them, and the error the
/// runtime returns because of them.
inline std::string take_findings() {
  auto* const f = look_up<char const*()>("jetcal_emulator_take_findings");
  return f != nullptr ? f() : "";
}

/// Changes a setting of the environment (docs/emulator.md) while the program runs: "SEED",
/// "THREADS", "STEPS", "LAUNCHES", "QUIET", "INDEPENDENT", "APPROXIMATE" (0: exact, 1: low, 2:
/// high). False: not on the emulator, or no such setting.
inline bool set(char const* name, unsigned long long value) {
  auto* const f = look_up<bool(char const*, unsigned long long)>("jetcal_emulator_set");
  return f != nullptr && f(name, value);
}

/// Reports device memory that has not been freed, and frees it.
inline void check_leaks() {
  if (auto* const f = look_up<void()>("jetcal_emulator_check_leaks")) { f(); }
}

/// The counters since the last reset, as JSON (docs/emulator.md).
inline std::string counters() {
  auto* const f = look_up<char const*()>("jetcal_emulator_counters");
  return f != nullptr ? f() : "";
}
inline void reset_counters() {
  if (auto* const f = look_up<void()>("jetcal_emulator_reset_counters")) { f(); }
}

}  // namespace emulator_client
