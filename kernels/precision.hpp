#pragma once

#include <string>
#include <string_view>

#include "engine/errors.hpp"

namespace jetcal {

/// In what the factors of matrix products are held. Products are summed in float32 always; weights,
/// their gradients, losses and optimizer states are float32 always. Only fp32 has defined bits.
/// tf32 is for CUDA devices only.
enum class Precision { fp32, tf32, bf16 };

/// Errors: ConfigError for any other word.
inline Precision parse_precision(std::string_view word) {
  if (word == "fp32") { return Precision::fp32; }
  if (word == "tf32") { return Precision::tf32; }
  if (word == "bf16") { return Precision::bf16; }
  throw ConfigError("--precision: '" + std::string(word) + "' is unknown (fp32, tf32, bf16)");
}

inline std::string_view name(Precision precision) {
  return precision == Precision::fp32 ? "fp32" : precision == Precision::tf32 ? "tf32" : "bf16";
}

}  // namespace jetcal
