#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace jetcal {

/// The instruction sets our CPU kernels are compiled for. All give the same bits; they differ in
/// speed. `scalar` is plain C++ with std::fma and runs anywhere.
enum class Isa { scalar, avx2, avx512, neon };

std::string_view name(Isa isa);

/// The instruction sets this program was built with and this processor has, slowest first.
std::vector<Isa> available_isas();

/// The one the kernels use now: the last of available_isas(), or the environment's JETCAL_ISA,
/// until set_isa() says otherwise.
Isa active_isa();

/// Chooses one. Errors: DeviceError if this program or this processor does not have it.
void set_isa(Isa isa);

/// "auto", "scalar", "avx2", "avx512" or "neon". Errors: ConfigError for another word, DeviceError
/// for one that is not available.
void set_isa(std::string_view word);

}  // namespace jetcal
