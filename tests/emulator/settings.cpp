// Reads the settings from the environment.
#include "tests/emulator/settings.hpp"

#include <cstdio>
#include <cstdlib>
#include <exception>

namespace emulator {
namespace {

[[noreturn]] void refuse(char const* name, std::string const& value, char const* must) {
  std::fprintf(stderr, "emulator: %s is '%s' (must be %s)\n", name, value.c_str(), must);
  std::_Exit(97);
}

u64 number(char const* name, u64 otherwise, u64 least, u64 most) {
  char const* const value = std::getenv(name);
  if (value == nullptr || *value == '\0') { return otherwise; }
  std::string const text = value;
  std::size_t used = 0;
  u64 result = 0;
  try {
    result = std::stoull(text, &used, 0);
  } catch (std::exception const&) { used = 0; }
  if (used != text.size() || text[0] == '-' || result < least || result > most) {
    std::string const range =
        "a number from " + std::to_string(least) + " to " + std::to_string(most);
    refuse(name, text, range.c_str());
  }
  return result;
}

Settings from_environment() {
  Settings s;
  s.seed = number("JETCAL_EMULATOR_SEED", s.seed, 0, ~u64(0));
  s.threads = static_cast<int>(number("JETCAL_EMULATOR_THREADS", 0, 0, 1024));
  s.memory = number("JETCAL_EMULATOR_MEMORY_MIB", s.memory >> 20, 1, 1 << 17) << 20;
  s.step_limit = number("JETCAL_EMULATOR_STEPS", s.step_limit, 1, ~u64(0));
  s.capability = static_cast<int>(number("JETCAL_EMULATOR_CAPABILITY", 80, 50, 999));
  s.launches = number("JETCAL_EMULATOR_LAUNCHES", 0, 0, 1) == 1;
  s.quiet = number("JETCAL_EMULATOR_QUIET", 0, 0, 1) == 1;
  if (char const* const file = std::getenv("JETCAL_EMULATOR_COUNTERS")) { s.counters = file; }
  if (char const* const lanes = std::getenv("JETCAL_EMULATOR_LANES")) {
    std::string const text = lanes;
    if (text != "together" && text != "independent") {
      refuse("JETCAL_EMULATOR_LANES", text, "together or independent");
    }
    s.independent = text == "independent";
  }
  if (char const* const results = std::getenv("JETCAL_EMULATOR_APPROXIMATE")) {
    std::string const text = results;
    if (text != "exact" && text != "low" && text != "high") {
      refuse("JETCAL_EMULATOR_APPROXIMATE", text, "exact, low or high");
    }
    s.approximate = text == "low" ? -1 : text == "high" ? 1 : 0;
  }
  return s;
}

}  // namespace

Settings& settings() {
  static auto* result = new Settings(from_environment());  // used until the very end of the process
  return *result;
}

}  // namespace emulator
