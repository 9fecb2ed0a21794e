#pragma once

#include <CLI/CLI.hpp>

#include <functional>
#include <string>
#include <string_view>

#include "engine/errors.hpp"
#include "kernels/execution.hpp"

namespace jetcal::tools {

/// Exit statuses of the program.
constexpr int kDone = 0;
constexpr int kFailed = 1;
constexpr int kUsage = 2;

/// A mistake of the command line that its parser cannot see: status kUsage.
struct CommandLineError : ConfigError {
  using ConfigError::ConfigError;
};

/// A subcommand's work, run after the command line was read; returns the exit status.
using Work = std::function<int()>;

// Each adds one subcommand to the program and says through `work` what it does.
void add_generate(CLI::App& app, Work& work);
void add_init(CLI::App& app, Work& work);
void add_train(CLI::App& app, Work& work);
void add_fit_standard(CLI::App& app, Work& work);
void add_calibrate(CLI::App& app, Work& work);
void add_validate(CLI::App& app, Work& work);
void add_inspect(CLI::App& app, Work& work);

/// The options of a command that computes: where and with how many threads. They belong to the
/// command and not to the recipe.
struct ComputeOptions {
  std::string device = "cpu";
  int threads = 0;  ///< 0: all processors
  std::string precision = "fp32";
  std::string isa = "auto";
  std::string dense_kernels = "own";
  std::string softmax_kernels = "own";

  void add_to(CLI::App& command);

  /// Chooses the instruction set and gives the rest. Errors: DeviceError for what this build or
  /// this processor does not have.
  ExecutionOptions apply(std::int64_t lanes) const;
  int thread_count() const;
};

/// Adds --jets all|held-out|training.
void add_jets_option(CLI::App& command, std::string& jets);

}  // namespace jetcal::tools
