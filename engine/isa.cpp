#include "engine/isa.hpp"

#include <atomic>
#include <cstdlib>

#include "engine/errors.hpp"

namespace jetcal {
namespace {

constexpr Isa kAll[] = {Isa::scalar, Isa::neon, Isa::avx2, Isa::avx512};

#if defined(__x86_64__)
// The target also has f16c, which clang cannot ask for and which no kernel uses.
bool has_avx2() {
  return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
         __builtin_cpu_supports("bmi") && __builtin_cpu_supports("bmi2") &&
         __builtin_cpu_supports("aes") && __builtin_cpu_supports("pclmul");
}
bool has_avx512() {
  return has_avx2() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") &&
         __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512bw") &&
         __builtin_cpu_supports("avx512cd");
}
#endif

bool available(Isa isa) {
  switch (isa) {
    case Isa::scalar:
      return true;
#if defined(__x86_64__)
    case Isa::avx2:
      return has_avx2();
    case Isa::avx512:
      return has_avx512();
#elif defined(__aarch64__)
    case Isa::neon:
      return true;
#endif
    default:
      return false;
  }
}

std::string words() {
  std::string text;
  for (Isa const isa : available_isas()) { text.append(" ").append(name(isa)); }
  return text;
}

Isa from_environment() {
  char const* const word = std::getenv("JETCAL_ISA");
  if (word != nullptr && *word != '\0' && std::string_view(word) != "auto") {
    for (Isa const isa : kAll) {
      if (name(isa) == word && available(isa)) { return isa; }
    }
    throw DeviceError("JETCAL_ISA: '" + std::string(word) + "' is not available (here:" + words() +
                      "). Unset it or use one of those");
  }
  return available_isas().back();
}

std::atomic<Isa>& active() {
  static std::atomic<Isa> isa = from_environment();
  return isa;
}

}  // namespace

std::string_view name(Isa isa) {
  switch (isa) {
    case Isa::scalar:
      return "scalar";
    case Isa::avx2:
      return "avx2";
    case Isa::avx512:
      return "avx512";
    case Isa::neon:
      return "neon";
  }
  return "?";
}

std::vector<Isa> available_isas() {
  std::vector<Isa> list;
  for (Isa const isa : kAll) {
    if (available(isa)) { list.push_back(isa); }
  }
  return list;
}

Isa active_isa() { return active().load(std::memory_order_relaxed); }

void set_isa(Isa isa) {
  JETCAL_REQUIRE(available(isa), DeviceError,
                 "--isa: '" << name(isa) << "' is not available (here:" << words()
                            << "). Use one of those or auto");
  active().store(isa, std::memory_order_relaxed);
}

void set_isa(std::string_view word) {
  if (word == "auto") {
    active().store(from_environment(), std::memory_order_relaxed);
    return;
  }
  for (Isa const isa : kAll) {
    if (name(isa) == word) { return set_isa(isa); }
  }
  throw ConfigError("--isa: '" + std::string(word) +
                    "' is unknown (auto, scalar, avx2, avx512, neon)");
}

}  // namespace jetcal
