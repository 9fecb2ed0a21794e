// A kernel for each instruction form, by inline PTX.
#include "tests/emulator/programs/forms.cuh"

namespace programs {
namespace {

using Type_h = std::uint16_t;
using Type_r = std::uint32_t;
using Type_l = std::uint64_t;

#define X(D, A, B, C, NAME, TEXT)                                                      \
  __global__ void NAME##_kernel(std::uint64_t const* a, std::uint64_t const* b,        \
                                std::uint64_t const* c, std::uint64_t* d, int n) {     \
    int const i = blockIdx.x * blockDim.x + threadIdx.x;                               \
    if (i < n) {                                                                       \
      Type_##D result = 0;                                                             \
      asm volatile(TEXT                                                                \
                   : "=" #D(result)                                                    \
                   : #A(static_cast<Type_##A>(a[i])), #B(static_cast<Type_##B>(b[i])), \
                     #C(static_cast<Type_##C>(c[i])));                                 \
      d[i] = result;                                                                   \
    }                                                                                  \
  }
#include "tests/emulator/programs/forms.def"
#undef X

}  // namespace

std::vector<Form> instruction_forms() {
  return {
#define X(D, A, B, C, NAME, TEXT) {#NAME, #D #A #B #C, NAME##_kernel},
#include "tests/emulator/programs/forms.def"
#undef X
  };
}

void launch(Form const& form, std::uint64_t const* a, std::uint64_t const* b,
            std::uint64_t const* c, std::uint64_t* d, int n) {
  form.kernel<<<(n + 255) / 256, 256>>>(a, b, c, d, n);
}

}  // namespace programs
