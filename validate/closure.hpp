#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "data/bins.hpp"
#include "engine/threads.hpp"
#include "validate/response_point.hpp"
#include "validate/settings.hpp"

namespace jetcal::validate {

enum class Variable { energy, mass };

/// "energy", "mass".
std::string_view name(Variable variable);

/// The calibration that leaves jets as they are. It is always the first.
inline constexpr std::string_view kUncalibrated = "none";

/// Some jets of one sample with their responses r = (calibrated) / (true), one column a variable
/// and calibration. All columns are as long as pt_true_gev; the memory is somebody else's.
struct JetBlock {
  struct Responses {
    std::span<float const> energy;
    std::span<float const> mass;
  };

  std::span<float const> pt_true_gev;
  std::span<float const> eta_true;
  std::span<float const> mass_true_gev;
  std::span<float const> weights;       ///< empty: all 1
  std::vector<Responses> calibrations;  ///< in the accumulator's order
};

/// One bin, measured for one variable, sample and calibration.
struct BinResult {
  Variable variable = Variable::energy;
  std::string sample;
  std::string calibration;
  data::BinGrid::Bin range;
  ResponsePoint point;
  std::int64_t not_finite = 0;        ///< jets of the bin whose response is nan or infinite
  std::optional<double> mode_before;  ///< of the same jets, uncalibrated
  std::optional<double> iqr68_over_mode_before;
};

/// What became of the jets of a sample.
struct SampleCounts {
  std::string sample;
  std::int64_t jets = 0;
  std::int64_t outside_bins = 0;    ///< in no bin
  std::int64_t below_mass_cut = 0;  ///< in a bin, but counted for the energy only
  std::int64_t not_finite = 0;      ///< true pT, eta or mass is nan or infinite
};

struct Results {
  Settings settings;
  std::vector<std::string> calibrations;
  std::vector<SampleCounts> samples;
  std::vector<BinResult> bins;  ///< by sample, variable, calibration, bin
};

/// Collects responses in bins of the true jet, in one pass, and measures them at the end.
///
/// Memory    4 bytes a jet, variable and calibration, 4 more a jet and variable with weights; at
///           most twice that while the columns grow. 20 million jets with three calibrations: half
///           a GB. The columns of a bin stay aligned, jet by jet, so that calibrations can be
///           compared on the same jets.
class ClosureAccumulator {
 public:
  /// Errors: ConfigError for settings that make no sense, no sample, a name used twice, or a first
  /// calibration that is not kUncalibrated.
  ClosureAccumulator(Settings settings, std::vector<std::string> samples,
                     std::vector<std::string> calibrations);

  /// Errors: ShapeError for columns of different lengths or another number of calibrations;
  /// DataError for a weight that is negative or not finite, or for jets with and without weights.
  void add(std::size_t sample, JetBlock const& block);

  /// Measures all bins. The result does not depend on the number of threads.
  Results results(ThreadPool& threads) const;

  /// Bytes that the collected responses take.
  std::int64_t bytes() const;

 private:
  // The jets of a bin: one column a calibration.
  struct Cell {
    std::vector<float> weights;
    std::vector<std::vector<float>> responses;
  };

  Cell& cell(std::size_t sample, Variable variable, std::int64_t bin);
  Cell const& cell(std::size_t sample, Variable variable, std::int64_t bin) const;
  void require_fits(std::size_t sample, JetBlock const& block) const;
  BinResult measure_cell(std::size_t sample, Variable variable, std::size_t calibration,
                         std::int64_t bin) const;

  Settings settings_;
  data::BinGrid grid_;
  std::vector<std::string> calibrations_;
  std::vector<SampleCounts> counts_;
  std::vector<Cell> cells_;
  std::optional<bool> weighted_;
};

}  // namespace jetcal::validate
