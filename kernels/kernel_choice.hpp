#pragma once

#include <compare>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>

namespace jetcal {

/// Whose matrix products dense layers use: ours, which define the bits in fp32, or a library's,
/// which are outside that promise. oneDNN is for the CPU, cuBLAS for CUDA devices; `automatic`
/// takes whatever is faster: on a CUDA device as timed there, on the CPU what
/// fastest_dense_kernels() says.
enum class DenseKernels { own, onednn, cublas, automatic };

/// Whose softmax the gate of a network uses, by the same rules.
enum class SoftmaxKernels { own, cudnn, automatic };

/// "own", "onednn", "cublas" or "auto".
std::string_view name(DenseKernels kernels);
/// "own", "cudnn" or "auto".
std::string_view name(SoftmaxKernels kernels);

/// From their names. Errors: ConfigError for another word.
DenseKernels parse_dense_kernels(std::string_view word);
SoftmaxKernels parse_softmax_kernels(std::string_view word);

/// What is chosen on its own. A gate's backward needs what its forward kept: they go together.
enum class KernelOp { dense_forward, dense_backward_data, dense_backward_weights, softmax_gate };

/// A kind of op with its shape, the rows as a power of two: all passes of about that many rows make
/// one choice.
struct KernelShape {
  KernelOp op = KernelOp::dense_forward;
  std::int64_t rows = 0, inputs = 0, outputs = 0;

  static constexpr std::int64_t kMostRows = 32'768;  ///< beyond, time grows with the rows

  static KernelShape of(KernelOp op, std::int64_t rows, std::int64_t inputs, std::int64_t outputs) {
    std::int64_t power = 1;
    while (power < rows && power < kMostRows) { power *= 2; }
    return {op, power, inputs, outputs};
  }
  auto operator<=>(KernelShape const&) const = default;
};

/// "dense_forward, 1024 rows, 21 to 40 columns": what files call it.
std::string text(KernelShape const& shape);

/// Whose kernels were chosen ("own", "cublas", "cudnn") for which shape's text.
using KernelChoices = std::map<std::string, std::string>;

}  // namespace jetcal
