#pragma once

#include <memory>
#include <string>
#include <vector>

#include "data/jet_reader.hpp"
#include "validate/calibration.hpp"
#include "validate/run.hpp"

namespace jetcal::tools {

/// One sample of a validation: what it is called, and its files or globs.
struct NamedSample {
  std::string name;
  std::vector<std::string> files;
};

/// The samples of a validation with the responses of several calibrations, read block by block.
class ValidationSources {
 public:
  /// `calibrations`: model files, "fields" or "none".
  ///
  /// Errors    those of reading models and shards; ConfigError for a side of the split without a
  ///           model, or models that split the jets in different ways
  ValidationSources(std::vector<NamedSample> const& samples,
                    std::vector<std::string> const& calibrations,
                    validate::Settings const& settings, data::Side side,
                    ExecutionOptions const& execution);
  ~ValidationSources();

  /// "none", then the calibrations in their order; models by their path.
  std::vector<std::string> const& calibration_names() const { return names_; }

  /// They hold references into this object.
  std::vector<validate::Source> sources();

 private:
  class Sample;
  std::vector<std::string> names_;
  std::vector<std::unique_ptr<validate::Calibration>> models_;
  std::vector<std::unique_ptr<Sample>> samples_;
};

}  // namespace jetcal::tools
