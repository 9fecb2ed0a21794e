#pragma once

#include <string>
#include <string_view>

#include "engine/errors.hpp"

namespace jetcal {

/// In what the factors of matrix products are held. Products are summed in float32 always; weights,
/// gradients, losses and optimizer states are float32 always. Only fp32 has defined bits.
enum class Precision { fp32, bf16 };

/// "fp32" or "bf16". Errors: DeviceError for "tf32", which no processor has, ConfigError for
/// another word.
inline Precision parse_precision(std::string_view word) {
  if (word == "fp32") { return Precision::fp32; }
  if (word == "bf16") { return Precision::bf16; }
  JETCAL_REQUIRE(word != "tf32", DeviceError,
                 "--precision: tf32 is not available on this device (must be fp32 or bf16)");
  throw ConfigError("--precision: '" + std::string(word) + "' is unknown (fp32, tf32, bf16)");
}

inline std::string_view name(Precision precision) {
  return precision == Precision::fp32 ? "fp32" : "bf16";
}

}  // namespace jetcal
