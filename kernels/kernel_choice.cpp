#include "kernels/kernel_choice.hpp"

#include "engine/errors.hpp"

namespace jetcal {
namespace {

template <class Kernels>
struct Named {
  Kernels kernels;
  std::string_view word;
};
constexpr Named<DenseKernels> kDense[] = {{DenseKernels::own, "own"},
                                          {DenseKernels::onednn, "onednn"},
                                          {DenseKernels::cublas, "cublas"},
                                          {DenseKernels::automatic, "auto"}};
constexpr Named<SoftmaxKernels> kSoftmax[] = {{SoftmaxKernels::own, "own"},
                                              {SoftmaxKernels::cudnn, "cudnn"},
                                              {SoftmaxKernels::automatic, "auto"}};

template <class List, class Kernels>
std::string_view word_of(List const& list, Kernels kernels) {
  for (auto const& entry : list) {
    if (entry.kernels == kernels) { return entry.word; }
  }
  throw ConfigError("kernels: this choice has no name");
}

template <class List>
auto kernels_of(List const& list, char const* option, std::string_view word) {
  std::string known;
  for (auto const& entry : list) {
    if (entry.word == word) { return entry.kernels; }
    known += (known.empty() ? "" : ", ") + std::string(entry.word);
  }
  throw ConfigError(std::string(option) + ": '" + std::string(word) + "' is unknown (" + known +
                    ")");
}

}  // namespace

std::string_view name(DenseKernels kernels) { return word_of(kDense, kernels); }
std::string_view name(SoftmaxKernels kernels) { return word_of(kSoftmax, kernels); }

DenseKernels parse_dense_kernels(std::string_view word) {
  return kernels_of(kDense, "--dense-kernels", word);
}
SoftmaxKernels parse_softmax_kernels(std::string_view word) {
  return kernels_of(kSoftmax, "--softmax-kernels", word);
}

std::string text(KernelShape const& shape) {
  constexpr char const* kOps[] = {"dense_forward", "dense_backward_data", "dense_backward_weights",
                                  "softmax_gate"};
  return std::string(kOps[static_cast<int>(shape.op)]) + ", " + std::to_string(shape.rows) +
         " rows, " + std::to_string(shape.inputs) + " to " + std::to_string(shape.outputs) +
         " columns";
}

}  // namespace jetcal
