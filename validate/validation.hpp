#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "kernels/execution.hpp"
#include "validate/results.hpp"
#include "validate/sample_reader.hpp"

namespace jetcal::validate {

/// All that a validation is asked for.
struct Request {
  std::vector<SampleFiles> samples;
  std::vector<std::string> calibrations;  ///< files, kFields; kUncalibrated is always included
  Settings settings;
  std::int64_t memory_mib = 2048;  ///< of the jets' columns; beyond, they go to a file in `folder`
  std::filesystem::path folder;
  ExecutionOptions execution;
};

/// Reads every sample once, measures, and gives all numbers.
///
/// Errors    those of SampleReader and ColumnStore; ConfigError for settings that make no sense,
///           names used twice, calibrations that split the jets in different ways where a side is
///           asked for
Results validate(Request const& request);

}  // namespace jetcal::validate
