// One kernel for each instruction form of forms.def: d[i] = form(a[i], b[i], c[i]) on bits.
#pragma once

#include <cuda_runtime.h>

#include <cstdint>
#include <vector>

namespace programs {

using FormKernel = void (*)(std::uint64_t const*, std::uint64_t const*, std::uint64_t const*,
                            std::uint64_t*, int);

struct Form {
  char const* name;
  char widths[5];  ///< as in forms.def
  FormKernel kernel;
};

std::vector<Form> instruction_forms();
void launch(Form const& form, std::uint64_t const* a, std::uint64_t const* b,
            std::uint64_t const* c, std::uint64_t* d, int n);

}  // namespace programs
