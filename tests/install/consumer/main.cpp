// Uses one thing of the installed headers and libraries that only gives the right answer if both
// belong together: the bits of a product, through every instruction set of this processor.
#include <cstdio>
#include <vector>

#include "engine/isa.hpp"
#include "engine/version.hpp"
#include "kernels/dense.hpp"

int main() {
  // [1, 2] x [[1, 2, 3], [4, 5, 6]] + [1, 1, 1] = [10, 13, 16]; rows are padded to 16 floats.
  std::vector<float> x(16), w(2 * 16), bias(16), y(16);
  std::vector<float> packed(static_cast<std::size_t>(jetcal::cpu::dense_packed_size(2, 3)));
  for (int i = 0; i < 3; ++i) {
    w[static_cast<std::size_t>(i)] = static_cast<float>(1 + i);
    w[static_cast<std::size_t>(16 + i)] = static_cast<float>(4 + i);
    bias[static_cast<std::size_t>(i)] = 1;
  }
  x[0] = 1;
  x[1] = 2;
  jetcal::cpu::dense_pack({w.data(), 2, 3, 16}, packed.data());
  for (jetcal::Isa const isa : jetcal::available_isas()) {
    jetcal::set_isa(isa);
    jetcal::cpu::dense_forward({x.data(), 1, 2, 16}, packed.data(), bias.data(),
                               jetcal::Activation::none, {y.data(), 1, 3, 16}, {});
    if (!(y[0] == 10 && y[1] == 13 && y[2] == 16)) {
      std::printf("%g %g %g\n", static_cast<double>(y[0]), static_cast<double>(y[1]),
                  static_cast<double>(y[2]));
      return 1;
    }
  }
  std::printf("jetcal %s, commit %s\n", jetcal::kVersion, jetcal::kCommit);
}
