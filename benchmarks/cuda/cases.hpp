#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "tests/check_close.hpp"

namespace jetcal::bench {

/// One kernel with its data, ready to be enqueued on the stream of tests/cuda/device_matrix.hpp
/// again and again.
struct Case {
  double bytes = 0;     ///< the least it must read and write; 0: not said
  double flops = 0;     ///< of its products
  int tensor_bits = 0;  ///< 16 or 19: of the factors its products have on tensor cores; 0: fp32
  std::function<void()> enqueue;
  std::function<test::Comparison()> check;  ///< of all that was enqueued, against a reference
  /// Waits for what was enqueued on other streams, and the host's clock is taken. Nothing: all is
  /// on the tests' stream, between two events.
  std::function<void()> wait = nullptr;
};

/// A name, `op/what/whose`, and how the case is made for a number of rows (of parameters, for
/// optimizers).
struct NamedCase {
  std::string name;
  bool of_parameters = false;
  std::function<Case(std::int64_t rows)> make;
};

/// The paper's widths (arXiv:2311.08885): a fork's layer, and all parameters.
constexpr std::int64_t kWidth = 250, kParameters = 764'236;

/// Dense layer, and its weights laid out for it.
std::vector<NamedCase> dense_cases();
/// Softmax gate, head, annotation.
std::vector<NamedCase> row_cases();
/// Gather of resident jets, sums over rows and by bin, histograms of responses.
std::vector<NamedCase> batch_cases();
/// Optimizers, average of the weights, sum over lanes, norm.
std::vector<NamedCase> parameter_cases();
/// Whole updates, each one launch of a graph.
std::vector<NamedCase> step_cases();

}  // namespace jetcal::bench
