// Reads the fat binaries nvcc embeds.
#pragma once

#include <string>

namespace emulator {

/// The PTX in the fat binary a wrapper (what __cudaRegisterFatBinary gets) points to: that of the
/// highest target that a device of this capability (80 is 8.0) runs. Throws std::runtime_error that
/// says how to build if there is none, or only compressed ones.
std::string ptx_of(void const* wrapper, int capability);

}  // namespace emulator
